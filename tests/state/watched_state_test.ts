import { assertEquals } from "@std/assert";
import { anyone, FixedClients } from "../../src/authenticate/client_directory.ts";
import { importKey } from "../../src/identify/key.ts";
import { ServerState } from "../../src/state/server_state.ts";
import { StateClients } from "../../src/state/state_clients.ts";
import { readContents, WatchedState } from "../../src/state/watched_state.ts";
import { formatClient } from "../../src/state/records.ts";
import { Lines } from "../support/handlers/world.ts";
import { bounded, makeTempDir } from "../support/programs/process.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

const CHANNELS = [{ host: "192.0.2.10", port: 6522 }, { host: "192.0.2.11", port: 6522 }];

async function setUp() {
  const directory = await makeTempDir();
  const state = new ServerState(`${directory.path}/state`), clock = new FakeClock(), lines = new Lines();
  const watched = new WatchedState(state, await readContents(state), { clock, log: lines.log });
  let changes = 0, changed = () => {};
  watched.watch(() => {
    changes++;
    changed();
  });
  return {
    state,
    clock,
    lines,
    watched,
    get changes() {
      return changes;
    },
    invite: (name: string) => {
      return state.invite({ name, server: "web", channels: CHANNELS, ports: null, expires: Date.now() + 10_000 });
    },
    /** Adds a client's file, as an enrolment does. */
    add(name: string) {
      const key = {
        kind: "micss-ed25519-public-v1",
        material: crypto.getRandomValues(new Uint8Array(32)),
        comment: "",
      } as const;
      const text = formatClient({ name, key, ports: null, enrolled: 0, invitation: "0".repeat(16) });
      Deno.writeTextFileSync(`${state.path}/clients/${name}.json`, text, { mode: 0o600 });
    },
    /** Lets a second pass, and waits for a change. */
    async change() {
      const seen = new Promise<void>((resolve) => changed = resolve);
      await clock.advance(1000);
      await bounded(seen, () => "a change");
    },
    async [Symbol.asyncDispose]() {
      watched[Symbol.dispose]();
      assertEquals(clock.pending, 0);
      await directory[Symbol.asyncDispose]();
    },
  };
}

Deno.test("changes by other processes are seen within a second: the first invitation, a client, its removal", async () => {
  await using scene = await setUp();
  const { watched, state } = scene;
  assertEquals([watched.contents.required, watched.contents.key], [false, null]);
  await scene.invite("alice");
  await scene.change();
  assertEquals([watched.contents.required, watched.contents.clients], [true, []]);
  assertEquals(watched.contents.key?.id, (await state.key())!.id);
  scene.add("bob");
  await scene.change();
  assertEquals(watched.contents.clients.map(({ name }) => name), ["bob"]);
  await state.revoke("bob");
  await scene.change();
  assertEquals([watched.contents.clients, scene.changes], [[], 3]);
});

Deno.test("nothing is reported where nothing has changed, and calls at the same time share a look", async () => {
  await using scene = await setUp();
  await scene.invite("alice");
  await Promise.all([scene.watched.refresh(), scene.watched.refresh()]);
  await scene.watched.refresh();
  assertEquals(scene.changes, 1);
});

Deno.test("a directory that is lost, or can't be read, opens no server", async () => {
  await using scene = await setUp();
  const { watched, state, lines } = scene;
  await scene.invite("alice");
  scene.add("bob");
  await watched.refresh();
  assertEquals(watched.contents.clients.length, 1);
  Deno.chmodSync(`${state.path}/clients`, 0o777);
  scene.add("carol");
  await watched.refresh();
  await watched.refresh();
  assertEquals(watched.contents.clients.map(({ name }) => name), ["bob"]);
  assertEquals(lines.of("state directory not read").length, 1);
  Deno.removeSync(state.path, { recursive: true });
  await watched.refresh();
  assertEquals([watched.contents.required, watched.contents.clients, watched.contents.key], [true, [], null]);
});

Deno.test("a file that can't be used is reported once, and the other clients are admitted", async () => {
  await using scene = await setUp();
  const { watched, state, lines } = scene;
  await scene.invite("alice");
  scene.add("bob");
  Deno.writeTextFileSync(`${state.path}/clients/carol.json`, "{", { mode: 0o600 });
  await watched.refresh();
  await watched.refresh();
  assertEquals(watched.contents.clients.map(({ name }) => name), ["bob"]);
  assertEquals(lines.of("client not admitted").map(({ path, reason }) => [path, reason]), [
    [`${state.path}/clients/carol.json`, "damaged: not JSON; remove it"],
  ]);
});

Deno.test("configured clients take precedence, and anyone admits all", async () => {
  await using scene = await setUp();
  await scene.invite("alice");
  scene.add("bob");
  scene.add("carol");
  await scene.watched.refresh();
  const { contents } = scene.watched;
  const material = crypto.getRandomValues(new Uint8Array(32));
  const key = await importKey({ kind: "micss-ed25519-public-v1", material, comment: "" });
  const options = { state: scene.state, refresh: () => Promise.resolve(), now: Date.now, log: scene.lines.log };
  const configured = new FixedClients([{ name: "Bob", key, ports: null, sessions: null }]);
  const both = new StateClients(contents, { ...options, configured, names: ["Bob"] });
  const [bob, carol] = contents.clients;
  assertEquals([both.find(key.id)?.name, both.find(bob!.key.id), both.find(carol!.key.id)], ["Bob", null, carol!]);
  assertEquals(both.keys, [key.id.toHex(), carol!.key.id.toHex()]);
  assertEquals(scene.lines.of("client not admitted").map(({ name }) => name), ["bob"]);
  const required = (names: readonly string[] | "anyone") => {
    return new StateClients(contents, { ...options, configured: anyone, names }).required;
  };
  assertEquals([required([]), required("anyone")], [true, false]);
  const none = { required: false, clients: [] };
  assertEquals(new StateClients(none, { ...options, configured: anyone, names: [] }).required, false);
});
