import { assertEquals, assertRejects } from "@std/assert";
import type { Enrol, EnrolmentRequest } from "../../src/client/dial/enrol.ts";
import { join, JoinError } from "../../src/client/join.ts";
import { ClientState } from "../../src/state/client_state.ts";
import { StateError } from "../../src/state/state_error.ts";
import { type Invitation, invitationId, invitationKey } from "../../src/wire/invitation.ts";
import { makeTempDir } from "../support/programs/process.ts";

const NOW = Date.UTC(2027, 0, 1);
const INVITATION: Invitation = {
  server: "web",
  channels: [{ address: Uint8Array.of(192, 0, 2, 10), port: 6522 }, { address: Uint8Array.of(192, 0, 2, 11), port: 1 }],
  serverKey: new Uint8Array(32).fill(1),
  token: new Uint8Array(32).fill(2),
  expires: NOW + 1000,
};
const ID = invitationId(INVITATION).toHex();

type Answer = Awaited<ReturnType<Enrol>> | Error;

/** A client that gets these answers to its requests, in this order. */
async function setUp(...answers: Answer[]) {
  const directory = await makeTempDir();
  const state = new ClientState(`${directory.path}/state`);
  const requests: EnrolmentRequest[] = [];
  const enrol: Enrol = (request) => {
    requests.push(request);
    const answer = answers.shift()!;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return {
    state,
    requests,
    answers,
    join: (invitation = INVITATION, name?: string, now = NOW) =>
      join(invitation, { state, enrol, now: () => now, ...name !== undefined && { name } }),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

Deno.test("a client enrols a new key under the invitation's key, and keeps the server", async () => {
  await using scene = await setUp({ client: "alice" });
  const server = await scene.join();
  const [{ server: asked, key, authenticate }] = scene.requests as [EnrolmentRequest];
  assertEquals([asked.clientKey, key, authenticate], [server.clientKey, invitationKey(INVITATION), false]);
  assertEquals([server.name, server.client, server.channels], ["web", "alice", [
    { host: "192.0.2.10", port: 6522 },
    { host: "192.0.2.11", port: 1 },
  ]]);
  assertEquals([scene.state.servers(), scene.state.attempt(ID)], [[server], null]);
});

Deno.test("after a lost answer, the same line authenticates with the key that was sent", async () => {
  await using scene = await setUp(new Error("lost"), { client: "alice" });
  await assertRejects(() => scene.join(), Error, "lost");
  assertEquals(scene.state.servers(), []);
  const server = await scene.join(INVITATION, "db");
  const [first, second] = scene.requests;
  assertEquals(second!.server.clientKey, first!.server.clientKey);
  assertEquals([first!.authenticate, second!.authenticate], [false, true]);
  assertEquals([scene.state.servers(), scene.state.attempt(ID), server.name], [[server], null, "db"]);
});

Deno.test("after an attempt that did not reach the server, the same key is enrolled", async () => {
  await using scene = await setUp(new Error("unreachable"), "not-authentic", { client: "alice" });
  await assertRejects(() => scene.join(), Error, "unreachable");
  await scene.join();
  assertEquals(scene.requests.map(({ authenticate }) => authenticate), [false, true, false]);
  assertEquals(new Set(scene.requests.map(({ server }) => server.clientKey.material.toHex())).size, 1);
});

Deno.test("the same line again is confirmed by the server with the key of before", async () => {
  await using scene = await setUp({ client: "alice" }, { client: "alice" });
  const server = await scene.join();
  assertEquals(await scene.join(), server);
  assertEquals(scene.requests.map(({ authenticate }) => authenticate), [false, true]);
});

Deno.test("a server that has removed the client since says so, and stays as it was", async () => {
  await using scene = await setUp({ client: "alice" }, "not-authentic", "not-invited");
  const server = await scene.join();
  await assertRejects(() => scene.join(), JoinError, "its server has removed this client; ask for a new invitation");
  assertEquals(scene.state.servers(), [server]);
});

Deno.test("a refusal is explained, with the clock where the invitation is late, and leaves nothing behind", async () => {
  await using scene = await setUp("not-invited", "not-invited");
  await assertRejects(
    () => scene.join(),
    JoinError,
    "the server refused the invitation: it was used or withdrawn already",
  );
  await assertRejects(
    () => scene.join(INVITATION, undefined, NOW + 5000),
    JoinError,
    "the invitation expired at 2027-01-01T00:00:01Z (this machine's clock says 2027-01-01T00:00:05Z); ask for a new one",
  );
  assertEquals([scene.state.servers(), scene.state.attempt(ID)], [[], null]);
});

Deno.test("a name that another server has is refused before the invitation is used", async () => {
  await using scene = await setUp({ client: "alice" }, { client: "alice" }, { client: "bob" });
  await scene.join();
  const other = { ...INVITATION, serverKey: new Uint8Array(32).fill(9), token: new Uint8Array(32).fill(8) };
  await assertRejects(() => scene.join(other), StateError, "give this one another name with --as");
  assertEquals(scene.requests.length, 1);
  await scene.join(other, "web2");
  // Another invitation of the same server replaces what the first one brought.
  const again = await scene.join({ ...INVITATION, token: new Uint8Array(32).fill(7) });
  assertEquals(scene.state.servers().map(({ name, client }) => [name, client]), [["web", "bob"], ["web2", "alice"]]);
  assertEquals(scene.state.server("web"), again);
});

Deno.test("two spellings of one address are refused before the invitation is used", async () => {
  await using scene = await setUp();
  const mapped = { address: Uint8Array.fromHex("00000000000000000000ffffc000020a"), port: 6522 };
  const invitation = { ...INVITATION, channels: [INVITATION.channels[0]!, mapped] };
  await assertRejects(() => scene.join(invitation), JoinError, "two channels at one address");
  assertEquals(scene.requests, []);
});
