/** Strangers at a server handler whose clients have to prove who they are. */
import { assert, assertEquals } from "@std/assert";
import { DeniedCode, ProofSide } from "../../src/wire/authenticate.ts";
import { FrameType } from "../../src/wire/frame.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { clients, known, quiet, Stranger, until } from "../support/handlers/authenticated.ts";
import { lineOf } from "../support/handlers/handlers_in_memory.ts";
import { makeKey } from "../support/handlers/keys.ts";
import { OPEN } from "../support/handlers/session_pair.ts";
import { dataFrame } from "../support/wire/frames.ts";
import "../support/system/native.ts";
import { alice, close, endOf, mallory, meet, outcomes, server, strangerOf } from "./authentication.ts";

const { NoProof, NotAuthentic, NoSuchKey, NotInvited } = DeniedCode;

Deno.test("what an OPEN without proof brings along is not processed, in the same record or behind it", async () => {
  const { handlers, stranger } = await meet();
  await stranger.peer.send(encode.open(1, OPEN), dataFrame(1, new Uint8Array(10)), encode.open(2, OPEN));
  await stranger.peer.send(dataFrame(1, new Uint8Array(60_000)), encode.end(1)).catch(() => {});
  assertEquals(await stranger.denied(), NoProof);
  assertEquals([await stranger.peer.drain(), await endOf(handlers, stranger)], [[], null]);
  assertEquals(outcomes(handlers), { "no-proof": 1 });
  await close(handlers);
});

const refusals: Record<string, [DeniedCode, string, (stranger: Stranger) => Promise<void>]> = {
  "an unknown server key": [NoSuchKey, "no-such-server-key", async ({ peer, nonce }) => {
    await peer.send(encode.hello(mallory.client.id, nonce));
  }],
  "an unknown key": [NotAuthentic, "unknown-key", async (stranger) => {
    const exchange = await stranger.hello(server.client);
    await stranger.peer.send(await stranger.auth(mallory.server, exchange), encode.open(1, OPEN));
  }],
  "a known key's id and another key's proof": [NotAuthentic, "wrong-proof", async (stranger) => {
    const exchange = await stranger.hello(server.client);
    await stranger.peer.send(await stranger.auth(alice.server, exchange, mallory.server), encode.open(1, OPEN));
  }],
  "reflection: the server's own proof": [NotAuthentic, "wrong-proof", async ({ peer, nonce }) => {
    await peer.send(encode.hello(server.client.id, nonce));
    await until(() => peer.heard.length > 0);
    const { proof } = await peer.next(FrameType.Auth);
    const head = new Uint8Array(32);
    head.set(alice.client.id);
    await peer.send(encode.auth(head, proof));
  }],
  "a proof for the other side": [NotAuthentic, "wrong-proof", async (stranger) => {
    const exchange = await stranger.hello(server.client);
    await stranger.peer.send(await stranger.auth(alice.server, exchange, alice.server, ProofSide.Server));
  }],
  "a proof for another server, which shows this one's cookies": [NotAuthentic, "wrong-proof", async (stranger) => {
    const exchange = await stranger.hello(server.client);
    // Alice believes in Mallory's server, which relays all that this server says.
    const relayed = { ...exchange, serverKey: mallory.client.hash };
    await stranger.peer.send(await stranger.auth(alice.server, relayed), encode.open(1, OPEN));
  }],
  "a proof over another list": [NotAuthentic, "wrong-proof", async (stranger) => {
    const exchange = await stranger.hello(server.client);
    const list = exchange.list.slice();
    list[list.length - 1]! ^= 1;
    await stranger.peer.send(await stranger.auth(alice.server, { ...exchange, list }));
  }],
  "a proof with another nonce of either side": [NotAuthentic, "wrong-proof", async (stranger) => {
    const exchange = await stranger.hello(server.client);
    const { clientNonce, serverNonce } = exchange;
    const swapped = { ...exchange, clientNonce: serverNonce, serverNonce: clientNonce };
    await stranger.peer.send(await stranger.auth(alice.server, swapped));
  }],
  "ENROLL where there are no invitations": [NotInvited, "not-invited", async (stranger) => {
    await stranger.hello(server.client);
    const bytes = new Uint8Array(32);
    await stranger.peer.send(encode.enroll({ publicKey: bytes, mac: bytes, invitation: new Uint8Array(8) }));
  }],
};
for (const [name, [code, outcome, attack]] of Object.entries(refusals)) {
  Deno.test(`the server refuses ${name}`, async () => {
    const { handlers, stranger } = await meet();
    await attack(stranger);
    assertEquals(await stranger.denied(), code);
    assertEquals([await stranger.peer.drain(), await endOf(handlers, stranger)], [[], null]);
    assertEquals([outcomes(handlers), handlers.server.activity.authenticated.size], [{ [outcome]: 1 }, 0]);
    await close(handlers);
  });
}

Deno.test("a proof is worth nothing on another association", async () => {
  const { handlers, stranger } = await meet();
  const exchange = await stranger.hello(server.client);
  const proof = await stranger.auth(alice.server, exchange);
  await stranger.peer.send(proof, encode.open(1, OPEN));
  (await handlers.targets.accept())!.close();
  const other = await strangerOf(handlers);
  await other.hello(server.client);
  await other.peer.send(proof, encode.open(1, OPEN));
  assertEquals(await other.denied(), NotAuthentic);
  await close(handlers);
});

Deno.test("one client's pairwise key proves no other client, and no other server", async () => {
  const [ours, theirs] = [await makeKey("hmac"), await makeKey("hmac")];
  const { handlers, stranger } = await meet({
    server: { keys: [server.server], clients: clients(known("alice", ours), known("bob", theirs)) },
  });
  const exchange = await stranger.hello(ours.client);
  await stranger.peer.send(await stranger.auth(theirs.server, exchange));
  assertEquals(await stranger.denied(), NotAuthentic, "HELLO named another key");
  // Whoever steals a pairwise key is that client: nothing else can be expected of it.
  const thief = await strangerOf(handlers);
  const stolen = await thief.hello(ours.client);
  await thief.peer.send(await thief.auth(ours.server, stolen), encode.open(1, OPEN));
  (await handlers.targets.accept())!.close();
  assertEquals([...handlers.server.activity.authenticated.keys()], ["alice"]);
  // An Ed25519 exchange can't be ended with it.
  const mixed = await strangerOf(handlers);
  const other = await mixed.hello(server.client);
  await mixed.peer.send(await mixed.auth(ours.server, other));
  assertEquals(await mixed.denied(), NotAuthentic);
  await close(handlers);
});

const violations: Record<string, (stranger: Stranger) => Promise<void>> = {
  "AUTH without HELLO": async ({ peer }) => {
    await peer.send(encode.auth(new Uint8Array(32), new Uint8Array(64)));
  },
  "ENROLL without HELLO": async ({ peer }) => {
    const bytes = new Uint8Array(32);
    await peer.send(encode.enroll({ publicKey: bytes, mac: bytes, invitation: new Uint8Array(8) }));
  },
  "a second HELLO": async (stranger) => {
    await stranger.hello(server.client);
    await stranger.peer.send(encode.hello(server.client.id, stranger.nonce));
  },
  "two HELLOs in one record": async ({ peer, nonce }) => {
    await peer.send(encode.hello(server.client.id, nonce), encode.hello(server.client.id, nonce));
  },
  "a second AUTH": async (stranger) => {
    const exchange = await stranger.hello(server.client);
    const auth = await stranger.auth(alice.server, exchange);
    await stranger.peer.send(auth, auth);
  },
  "bytes behind a key id": async (stranger) => {
    await stranger.hello(server.client);
    await stranger.peer.send(encode.auth(new Uint8Array(32).fill(1), new Uint8Array(64)));
  },
  "DENIED from a client": async ({ peer }) => await peer.send(encode.denied(NoProof)),
  "ENROLLED from a client": async ({ peer }) => await peer.send(encode.enrolled("alice")),
};
for (const [name, attack] of Object.entries(violations)) {
  Deno.test(`${name} aborts the association`, async () => {
    const { handlers, stranger } = await meet();
    await attack(stranger);
    assert(await stranger.peer.ended !== null);
    await quiet();
    assertEquals(handlers.server.associations, 0);
    assert(lineOf(handlers.serverLines, "association failed")["reason"] !== undefined);
    await close(handlers);
  });
}

Deno.test("a client that does not prove who it is within the handshake's time is refused", async () => {
  const { handlers, stranger } = await meet();
  await stranger.hello(server.client);
  await handlers.clock.advance(4999);
  assertEquals([await stranger.peer.drain(), handlers.server.associations], [[], 1]);
  await handlers.clock.advance(1);
  assertEquals([await stranger.denied(), await endOf(handlers, stranger)], [NoProof, null]);
  assertEquals(outcomes(handlers), { late: 1 });
  await close(handlers);
});

Deno.test("a server that has another server's key, too, can pass a client's proof on to it; one without can't", async () => {
  // Alice connects to the stranger, which shows this server's cookies and answers for the key that both have.
  const { handlers, stranger } = await meet();
  const exchange = await stranger.hello(server.client);
  await stranger.peer.send(await stranger.auth(alice.server, exchange), encode.open(1, OPEN));
  (await handlers.targets.accept())!.close();
  assertEquals([...handlers.server.activity.authenticated.keys()], ["alice"], "shared keys are not kept apart");
  const other = await strangerOf(handlers);
  const own = { ...await other.hello(server.client), serverKey: mallory.client.hash };
  await other.peer.send(await other.auth(alice.server, own), encode.open(1, OPEN));
  assertEquals(await other.denied(), NotAuthentic);
  await close(handlers);
});
