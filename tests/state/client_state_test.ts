import { assertEquals, assertThrows } from "@std/assert";
import { ClientState, type JoinedServer } from "../../src/state/client_state.ts";
import { defaultStateDirectory } from "../../src/state/place.ts";
import { StateError } from "../../src/state/state_error.ts";
import { makeTempDir } from "../support/programs/process.ts";

const key = (fill: number) => new Uint8Array(32).fill(fill);
const WEB: JoinedServer = {
  name: "web",
  channels: [{ host: "192.0.2.10", port: 6522 }, { host: "2001:db8::10", port: 7000 }],
  serverKey: { kind: "micss-ed25519-public-v1", material: key(1), comment: "" },
  clientKey: { kind: "micss-ed25519-v1", material: key(2), comment: "" },
  client: "alice",
  invitation: "0123456789abcdef",
};

Deno.test("an attempt is kept until the server is joined, and its key is the one of the first attempt", async () => {
  await using directory = await makeTempDir();
  const state = new ClientState(`${directory.path}/a/micss`);
  assertEquals([state.servers(), state.attempt(WEB.invitation)], [[], null]);
  const attempt = { ...WEB, client: null };
  assertEquals(state.begin(attempt), attempt);
  const other = { ...attempt, clientKey: { ...WEB.clientKey, material: key(3) } };
  assertEquals([state.begin(other), state.attempt(WEB.invitation)], [attempt, attempt]);
  assertEquals(state.servers(), []);
  state.keep(WEB);
  assertEquals([state.servers(), state.server("web"), state.attempt(WEB.invitation)], [[WEB], WEB, null]);
  assertEquals(Deno.statSync(`${state.path}/servers/web.json`).mode! & 0o777, 0o600);
  state.begin(attempt);
  state.forget(WEB.invitation);
  assertEquals(state.attempt(WEB.invitation), null);
});

Deno.test("a joined server is replaced by itself, and not by another of its name", async () => {
  await using directory = await makeTempDir();
  const state = new ClientState(directory.path);
  state.keep(WEB);
  const again = { ...WEB, client: "bob", invitation: "f".repeat(16) };
  state.keep(again);
  assertEquals(state.servers(), [again]);
  const other = { ...WEB, serverKey: { ...WEB.serverKey, material: key(9) } };
  assertThrows(() => state.keep(other), StateError, "another server named web is joined already");
  state.keep({ ...other, name: "web2" });
  assertEquals(state.servers().map(({ name }) => name), ["web", "web2"]);
});

Deno.test("a damaged file is not used, and the message says what to do without any of its contents", async () => {
  await using directory = await makeTempDir();
  const state = new ClientState(directory.path);
  state.keep(WEB);
  const path = `${directory.path}/servers/web.json`, text = Deno.readTextFileSync(path);
  const cases: [string, string][] = [
    [text.slice(0, 100), "damaged: not JSON; remove it, and join again with a new invitation"],
    [text.replace('"version": 1', '"version": 2'), "damaged: version: not 1; remove it"],
    [text.replace("192.0.2.10", "web.example"), "damaged: channels: not an IP address and port; remove it"],
    [text.replace("192.0.2.10:6522", "[2001:db8::10]:1"), "damaged: channels: two at one address; remove it"],
    [text.replace("micss-ed25519-v1", "micss-hmac-v1"), "damaged: client-key: not a key of kind micss-ed25519-v1"],
    [text.replace('"alice"', "null"), "damaged: not of this name; remove it"],
    [text.replace('"web"', '"db"'), "damaged: not of this name; remove it"],
  ];
  for (const [changed, message] of cases) {
    Deno.writeTextFileSync(path, changed);
    assertThrows(() => state.servers(), StateError, message);
  }
  Deno.writeTextFileSync(path, text);
  Deno.chmodSync(path, 0o640);
  assertThrows(() => state.servers(), StateError, "accessible to other users");
});

Deno.test("the default directory is the service manager's, or the user's", () => {
  const at = (env: Record<string, string>, uid: number) => defaultStateDirectory((name) => env[name], uid);
  assertEquals(at({ STATE_DIRECTORY: "/var/lib/a:/b", XDG_STATE_HOME: "/x", HOME: "/home/a" }, 1), "/var/lib/a");
  assertEquals(at({ XDG_STATE_HOME: "/x", HOME: "/home/a" }, 0), "/x/micss");
  assertEquals(at({ XDG_STATE_HOME: "x", HOME: "/home/a" }, 1), "/home/a/.local/state/micss");
  assertEquals([at({ HOME: "/root" }, 0), at({}, 1)], ["/var/lib/micss", "/var/lib/micss"]);
});
