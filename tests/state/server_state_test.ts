import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import type { Enrolment, KnownClient } from "../../src/authenticate/client_directory.ts";
import { importKey } from "../../src/identify/key.ts";
import { lockState } from "../../src/state/lock.ts";
import { type InvitationRequest, ServerState } from "../../src/state/server_state.ts";
import { StateError } from "../../src/state/state_error.ts";
import { invitationId, invitationKey, parseInvitation } from "../../src/wire/invitation.ts";
import { makeTempDir } from "../support/programs/process.ts";

const NOW = Date.now(), LATER = NOW + 3_600_000;
const CHANNELS = [{ host: "192.0.2.10", port: 6522 }, { host: "2001:db8::10", port: 7000 }];
const PUBLIC = crypto.getRandomValues(new Uint8Array(32));

function requestFor(name: string, more: Partial<InvitationRequest> = {}): InvitationRequest {
  return { name, server: "web", channels: CHANNELS, ports: null, expires: LATER, ...more };
}

async function setUp() {
  const directory = await makeTempDir();
  const path = `${directory.path}/state`;
  return {
    path,
    state: new ServerState(path),
    /** Enrols with an invitation's line, as a worker or process of its own. */
    enrol(line: string, { now = NOW, key = PUBLIC, client = null as KnownClient | null } = {}): Promise<Enrolment> {
      const invitation = parseInvitation(line), right = invitationKey(invitation).toHex();
      const verify = (key: Uint8Array) => Promise.resolve(key.toHex() === right);
      const attempt = { invitation: invitationId(invitation), publicKey: key, verify, client };
      return new ServerState(path).enrol(attempt, now);
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

/** All files below a directory, with their permissions in octal. */
function filesIn(path: string): string[] {
  const list = (directory: string, prefix: string): string[] =>
    [...Deno.readDirSync(directory)].flatMap(({ name, isDirectory }) => {
      const mode = (Deno.statSync(`${directory}/${name}`).mode! & 0o777).toString(8);
      const itself = `${prefix}${name} ${mode}`;
      return isDirectory ? [itself, ...list(`${directory}/${name}`, `${prefix}${name}/`)] : [itself];
    });
  return list(path, "").sort();
}

Deno.test("an invitation enrols its client once, with its ports, in private files", async () => {
  await using scene = await setUp();
  const { state, path } = scene;
  assertEquals([state.required, state.clients().clients, await state.key()], [false, [], null]);
  const { line, replaced } = await state.invite(requestFor("alice", { ports: [80, 443] }));
  const id = invitationId(parseInvitation(line)).toHex();
  assertEquals([state.required, replaced, Deno.statSync(path).mode! & 0o777], [true, false, 0o700]);
  assertEquals(filesIn(path), [
    "addresses.json 600",
    "clients 700",
    `invitations 700`,
    `invitations/${id}.json 600`,
    "lock 600",
    "server.key 600",
  ]);
  assertEquals(await scene.enrol(line), { name: "alice" });
  assertEquals(filesIn(path), [
    "addresses.json 600",
    "clients 700",
    "clients/alice.json 600",
    "invitations 700",
    "lock 600",
    "server.key 600",
  ]);
  const [alice] = state.clients().clients;
  assertEquals([alice!.key.material, alice!.ports, alice!.enrolled], [PUBLIC, [80, 443], NOW]);
  assertEquals(await scene.enrol(line, { key: new Uint8Array(32) }), { refused: "used", name: "alice" });
  assertEquals(state.clients().clients, [alice]);
});

Deno.test("a client that has proved its identity is told its name again, and no other client is", async () => {
  await using scene = await setUp();
  const { line } = await scene.state.invite(requestFor("alice"));
  const clientOf = async (material: Uint8Array<ArrayBuffer>): Promise<KnownClient> => {
    const key = await importKey({ kind: "micss-ed25519-public-v1", material, comment: "" });
    return { name: "alice", key, ports: null, sessions: null };
  };
  const { serverKey } = parseInvitation(line);
  await scene.enrol(line, { key: serverKey });
  assertEquals(await scene.enrol(line, { client: await clientOf(serverKey) }), { name: "alice" });
  const other = parseInvitation((await new ServerState(`${scene.path}2`).invite(requestFor("bob"))).line);
  assertEquals(await scene.enrol(line, { client: await clientOf(other.serverKey) }), {
    refused: "used",
    name: "alice",
  });
});

Deno.test("the line has the public half of the server's key, which stays the same, and no file has the token", async () => {
  await using scene = await setUp();
  const { state, path } = scene;
  const first = parseInvitation((await state.invite(requestFor("alice"))).line);
  const second = parseInvitation((await state.invite(requestFor("bob"))).line);
  assertEquals(second.serverKey, first.serverKey);
  assertNotEquals(second.token, first.token);
  const key = await state.key();
  const message = new Uint8Array(10),
    open = await crypto.subtle.importKey("raw", first.serverKey, "Ed25519", false, ["verify"]);
  assert(await crypto.subtle.verify("Ed25519", open, await key!.sign!(message), message));
  for (const { name } of Deno.readDirSync(`${path}/invitations`)) {
    const text = Deno.readTextFileSync(`${path}/invitations/${name}`);
    for (const { token } of [first, second]) assert(!text.includes(token.toHex()) && !text.includes(token.toBase64()));
  }
});

Deno.test("of attempts at the same time one succeeds", async () => {
  await using scene = await setUp();
  const { line } = await scene.state.invite(requestFor("alice"));
  const keys = Array.from({ length: 8 }, (_, at) => new Uint8Array(32).fill(at + 1));
  const outcomes = await Promise.all(keys.map((key) => scene.enrol(line, { key })));
  const [winner, ...others] = outcomes.flatMap((outcome, at) => "refused" in outcome ? [] : [keys[at]!]);
  assertEquals(others, []);
  assertEquals(scene.state.clients().clients.map(({ key }) => key.material), [winner!]);
  assertEquals(outcomes.filter((one) => "refused" in one && one.refused === "used").length, 7);
});

Deno.test("an invitation that is late, altered, unknown or withdrawn enrols no key", async () => {
  await using scene = await setUp();
  const { state } = scene;
  const { line } = await state.invite(requestFor("alice"));
  const wrong = { publicKey: PUBLIC, verify: () => Promise.resolve(false), client: null };
  const id = invitationId(parseInvitation(line));
  assertEquals(await state.enrol({ ...wrong, invitation: id }, NOW), { refused: "altered", name: "alice" });
  assertEquals(await state.enrol({ ...wrong, invitation: id.slice(1) }, NOW), { refused: "unknown" });
  assertEquals(await state.enrol({ ...wrong, invitation: new Uint8Array(8) }, NOW), { refused: "unknown" });
  // A wrong MAC has not used it up; a late attempt has.
  assertEquals(await scene.enrol(line, { now: LATER }), { refused: "expired", name: "alice" });
  assertEquals(await scene.enrol(line, { now: NOW }), { refused: "unknown" });
  const again = await state.invite(requestFor("alice"));
  assertEquals(await state.revoke("alice"), { client: false, invitations: 1 });
  assertEquals(await scene.enrol(again.line), { refused: "unknown" });
  assertEquals(state.clients().clients, []);
});

Deno.test("another invitation for a name replaces the first; one for a client's name is refused", async () => {
  await using scene = await setUp();
  const { state } = scene;
  const first = await state.invite(requestFor("alice"));
  const second = await state.invite(requestFor("Alice"));
  assertEquals([first.replaced, second.replaced, state.invitations().length], [false, true, 1]);
  assertEquals([await scene.enrol(first.line), await scene.enrol(second.line)], [{ refused: "unknown" }, {
    name: "Alice",
  }]);
  await assertRejects(() => state.invite(requestFor("alice")), StateError, "alice is a client already");
  assertEquals(await state.revoke("alice"), { client: true, invitations: 0 });
  assertEquals(await state.revoke("alice"), { client: false, invitations: 0 });
  await state.invite(requestFor("alice"));
});

Deno.test("expired invitations are removed by the next one", async () => {
  await using scene = await setUp();
  const { state } = scene;
  await state.invite(requestFor("alice", { expires: NOW - 1000 }));
  assertEquals((await state.invite(requestFor("bob"))).replaced, false);
  assertEquals(state.invitations().map(({ name }) => name), ["bob"]);
});

Deno.test("a damaged or public file of a client is reported, not used, and can be revoked", async () => {
  await using scene = await setUp();
  const { state, path } = scene;
  const { line } = await state.invite(requestFor("alice"));
  await scene.enrol(line);
  const text = Deno.readTextFileSync(`${path}/clients/alice.json`);
  Deno.writeTextFileSync(`${path}/clients/bob.json`, text, { mode: 0o644 });
  Deno.writeTextFileSync(`${path}/clients/carol.json`, text.slice(0, -10), { mode: 0o600 });
  Deno.writeTextFileSync(`${path}/clients/.0123456789abcdef.tmp`, text, { mode: 0o600 });
  const { clients, damaged } = state.clients();
  assertEquals(clients.map(({ name }) => name), ["alice"]);
  assertEquals(damaged, [
    {
      path: `${path}/clients/bob.json`,
      reason: `accessible to other users; check it, then chmod 600 ${path}/clients/bob.json`,
    },
    { path: `${path}/clients/carol.json`, reason: "damaged: not JSON; remove it" },
  ]);
  assertEquals(await state.revoke("carol"), { client: true, invitations: 0 });
});

Deno.test("a directory that others can write to is not used", async () => {
  await using scene = await setUp();
  const { state, path } = scene;
  await state.invite(requestFor("alice"));
  for (const directory of [path, `${path}/clients`]) {
    Deno.chmodSync(directory, 0o770);
    await assertRejects(() => state.invite(requestFor("bob")), StateError, "other users can write to it");
    Deno.chmodSync(directory, 0o700);
  }
  Deno.chmodSync(`${path}/clients`, 0o702);
  assertThrows(() => state.required, StateError, "other users can write to it");
});

Deno.test("a directory of another user is refused to root, whose files its handler could not read", {
  ignore: Deno.uid() !== 0,
}, async () => {
  await using scene = await setUp();
  const { state, path } = scene;
  Deno.mkdirSync(path);
  Deno.chownSync(path, 12345, 12345);
  await assertRejects(() => state.invite(requestFor("alice")), StateError, "belongs to user 12345");
  assertEquals(filesIn(path), []);
});

Deno.test("where the directory can't be written, the message names it and a way out", async () => {
  await using scene = await setUp();
  Deno.writeTextFileSync(scene.path, "");
  await assertRejects(() => scene.state.invite(requestFor("alice")), StateError, "give another");
  const proc = new ServerState("/proc/micss");
  const error = await assertRejects(() => proc.invite(requestFor("alice")), StateError);
  assertEquals(error.path, "/proc/micss");
});

Deno.test("addresses are kept, and damaged ones are not used", async () => {
  await using scene = await setUp();
  const { state, path } = scene;
  assertEquals(state.addresses(), null);
  await state.makeKey();
  state.keepAddresses(CHANNELS);
  const before = Deno.statSync(`${path}/addresses.json`).ino;
  state.keepAddresses(CHANNELS);
  assertEquals([state.addresses(), Deno.statSync(`${path}/addresses.json`).ino], [CHANNELS, before]);
  Deno.writeTextFileSync(`${path}/addresses.json`, "{}");
  assertThrows(() => state.addresses(), StateError, "damaged: version: not 1");
});

Deno.test("a lock that another process holds is waited for, within a limit", async () => {
  await using scene = await setUp();
  Deno.mkdirSync(scene.path);
  const held = await lockState(scene.path);
  await assertRejects(() => lockState(scene.path, 20), StateError, "locked for 0.02 s by another process");
  const waiting = lockState(scene.path);
  held[Symbol.dispose]();
  using _ = await waiting;
});
