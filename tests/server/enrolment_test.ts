/** Invitations, used and abused, against the real handlers. */
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ClientAuthentication } from "../../src/authenticate/client_authentication.ts";
import { enrolmentTranscript, type Exchange } from "../../src/authenticate/proof.ts";
import { initiate } from "../../src/association/initiate.ts";
import { JoinError } from "../../src/client/join.ts";
import type { EnrolmentRequest } from "../../src/client/dial/enrol.ts";
import { importKey } from "../../src/identify/key.ts";
import { parseAddress } from "../../src/net/address.ts";
import { readFull, writeAll } from "../../src/net/connection.ts";
import { systemPads } from "../../src/sharing/system_pads.ts";
import { CreditBudget } from "../../src/streams/credit_budget.ts";
import { Multiplexer } from "../../src/streams/multiplexer.ts";
import type { Enroll } from "../../src/wire/authenticate.ts";
import { type Invitation, invitationId, invitationKey } from "../../src/wire/invitation.ts";
import { CHANNELS, enrolIn, joinIn, startInviting } from "../support/handlers/invited.ts";
import { World } from "../support/handlers/world.ts";

/** Reasons of refused clients in the server's log. */
function refusals(world: World): unknown[] {
  return world.server.of("client refused").map(({ reason }) => reason);
}

Deno.test("an invited client joins, and the server knows it at once", async () => {
  await using world = new World();
  await using server = await startInviting(world);
  const invitation = await server.invite("alice", { ports: [80] });
  const joined = await joinIn(world, invitation);
  assertEquals([joined.name, joined.client], ["web", "alice"]);
  assertEquals(server.state.clients().clients.map(({ name, ports }) => [name, ports]), [["alice", [80]]]);
  assertMatch(String((await world.server.until("client enrolled")).name), /^alice$/);
  // With its new key it authenticates, and is told its name again.
  assertEquals(await enrolIn(world)({ server: joined, key: new Uint8Array(32), authenticate: true }), {
    client: "alice",
  });
  assertEquals(refusals(world), []);
});

Deno.test("a used invitation enrols no second client, and the log says whose it was", async () => {
  await using world = new World();
  await using server = await startInviting(world);
  const invitation = await server.invite("alice");
  await joinIn(world, invitation, "thief");
  await assertRejects(() => joinIn(world, invitation), JoinError, "the server refused the invitation: it was used");
  assertEquals(refusals(world), ["the invitation of alice is not valid: used"]);
  assertEquals(server.state.clients().clients.length, 1);
  // Whoever was first is removed by the name.
  await server.state.revoke("alice");
  await joinIn(world, await server.invite("alice"));
});

Deno.test("of two clients at the same time one enrols", async () => {
  await using world = new World();
  await using server = await startInviting(world);
  const invitation = await server.invite("alice");
  const joins = ["a", "b", "c", "d"].map((name) => joinIn(world, invitation, name));
  const outcomes = (await Promise.allSettled(joins)).map(({ status }) => status);
  assertEquals(outcomes.toSorted(), ["fulfilled", "rejected", "rejected", "rejected"]);
  assertEquals(refusals(world).length, 3);
});

Deno.test("a late, withdrawn or unknown invitation enrols nothing", async () => {
  await using world = new World();
  await using server = await startInviting(world);
  const late = await server.invite("alice", { expires: world.now() });
  await assertRejects(() => joinIn(world, late), JoinError, "the invitation expired at 2030-01-01T00:00:00Z");
  const withdrawn = await server.invite("bob");
  await server.state.revoke("bob");
  await assertRejects(() => joinIn(world, withdrawn), JoinError, "withdrawn");
  const unknown = { ...withdrawn, token: new Uint8Array(32) };
  await assertRejects(() => joinIn(world, unknown), JoinError, "withdrawn");
  assertEquals(refusals(world), [
    "the invitation of alice is not valid: expired",
    "the invitation is not valid: unknown",
    "the invitation is not valid: unknown",
  ]);
  assertEquals(server.state.clients().clients, []);
});

Deno.test("a line in which anything but the server's key was changed enrols nothing, and the right one still does", async () => {
  await using world = new World();
  await using server = await startInviting(world, { channels: [...CHANNELS, "10.0.0.3:6522"] });
  const invitation = await server.invite("alice");
  const changes: Partial<Invitation>[] = [
    { server: "other" },
    { expires: invitation.expires + 1000 },
    { channels: invitation.channels.slice(0, 2) },
  ];
  for (const change of changes) {
    await assertRejects(
      () => joinIn(world, { ...invitation, ...change }),
      JoinError,
      "the server refused the invitation",
    );
  }
  assertEquals(refusals(world), changes.map(() => "the invitation of alice is not valid: altered"));
  await joinIn(world, invitation);
});

/** Sends an ENROLL to the server as a client of its own. @returns The name, or the refusal. */
async function send(
  world: World,
  { serverKey }: Pick<EnrolmentRequest["server"], "serverKey">,
  enroll: (exchange: Exchange) => Promise<Enroll>,
): Promise<string> {
  const { network, clock } = world;
  const association = await initiate(CHANNELS.map((channel) => parseAddress(channel)), {
    network,
    clock,
    pads: systemPads,
  });
  const authentication = new ClientAuthentication({
    credentials: { serverKey: await importKey(serverKey), clientKey: null },
    list: association.list,
    enrol: enroll,
  });
  new Multiplexer(association, {
    clock,
    budget: new CreditBudget(),
    workers: null,
    maxCredit: () => 65_536,
    counters: { refusedRecords: 0, creditWaits: 0, padding: 0 },
    authentication,
  });
  try {
    return await authentication.enrolled;
  } catch (error) {
    return (error as Error).message;
  } finally {
    association.abort();
  }
}

Deno.test("an ENROLL of one association is worth nothing on another", async () => {
  await using world = new World();
  await using server = await startInviting(world);
  const invitation = await server.invite("alice");
  const { serverKey } = invitation;
  const key = { kind: "micss-ed25519-public-v1", material: serverKey, comment: "" } as const;
  const mac = await importKey({ kind: "micss-hmac-v1", material: invitationKey(invitation), comment: "" });
  const publicKey = crypto.getRandomValues(new Uint8Array(32));
  let recorded: Enroll | undefined;
  // The attempt is recorded, and its association ends before it reaches the server.
  await send(world, { serverKey: key }, async (exchange) => {
    const enroll = {
      publicKey,
      mac: await mac.sign!(await enrolmentTranscript(exchange, publicKey)),
      invitation: invitationId(invitation),
    };
    recorded = enroll;
    return { ...enroll, mac: new Uint8Array(32) };
  });
  const replayed = await send(world, { serverKey: key }, () => Promise.resolve(recorded!));
  assertEquals(replayed, "the server handler did not accept the invitation");
  // Nor with another public key in it.
  const exchanged = await send(world, { serverKey: key }, async (exchange) => ({
    publicKey: serverKey,
    mac: await mac.sign!(await enrolmentTranscript(exchange, publicKey)),
    invitation: invitationId(invitation),
  }));
  assertEquals(exchanged, "the server handler did not accept the invitation");
  assertEquals(server.state.clients().clients, []);
  await joinIn(world, invitation);
});

Deno.test("a client sends nothing of an invitation to another server at its addresses", async () => {
  await using world = new World();
  let invitation: Invitation;
  {
    await using server = await startInviting(world);
    invitation = await server.invite("alice");
  }
  await using other = await startInviting(world, { name: "other" });
  await other.invite("mallory");
  const error = await assertRejects(() => joinIn(world, invitation), Error);
  assertMatch(error.message, /is not the one that invited, or has lost its key/);
  assertEquals(refusals(world).filter((reason) => /invitation/.test(String(reason))), []);
  assertEquals(world.server.of("client enrolled"), []);
});

Deno.test("a revoked client is refused, and its key is not enrolled again", async () => {
  await using world = new World();
  await using server = await startInviting(world);
  const joined = await joinIn(world, await server.invite("alice"));
  await server.state.revoke("alice");
  await server.seen();
  const again = { server: joined, key: new Uint8Array(32), authenticate: true };
  assertEquals(await enrolIn(world)(again), "not-authentic");
  assertEquals(await enrolIn(world)({ ...again, authenticate: false }), "not-invited");
});

Deno.test("a server that can't keep a client says so in its log, and refuses", async () => {
  await using world = new World();
  await using server = await startInviting(world);
  const invitation = await server.invite("alice");
  await server.seen();
  await Deno.remove(`${server.state.path}/lock`);
  await Deno.mkdir(`${server.state.path}/lock`);
  await assertRejects(() => joinIn(world, invitation), JoinError, "the server refused the invitation");
  const line = await world.server.until("client not enrolled");
  assertEquals(line.path, `${server.state.path}/lock`);
  // The invitation is as good as before.
  await Deno.remove(`${server.state.path}/lock`);
  await joinIn(world, invitation);
});

Deno.test("the first invitation ends the sessions of clients that have not joined, and admits no new ones", async () => {
  await using world = new World();
  await using server = await startInviting(world);
  world.startClient(["--server", `web=${CHANNELS.join()}`]);
  const destination = { host: "10.0.0.1", port: 80 };
  const session = await world.connect(destination);
  const hello = new TextEncoder().encode("hello"), answer = new Uint8Array(5);
  await writeAll(session, hello);
  await readFull(session, answer);
  assertEquals(answer, hello);
  await server.invite("alice");
  await server.seen();
  await assertRejects(() => session.read(answer), Deno.errors.ConnectionReset);
  assertEquals(await world.talk(destination), "reset");
  assertEquals(refusals(world)[0], "a client without a name is not admitted any more");
});
