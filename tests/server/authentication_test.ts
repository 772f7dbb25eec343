/** Clients that prove who they are to a server handler, and strangers who can't. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { anyone } from "../../src/authenticate/client_directory.ts";
import { initiate } from "../../src/association/initiate.ts";
import { parseConfig } from "../../src/config/load.ts";
import { serverSpec } from "../../src/config/server.ts";
import type { Connection } from "../../src/net/connection.ts";
import { DeniedCode, ProofSide } from "../../src/wire/authenticate.ts";
import { FrameType, ResultCode } from "../../src/wire/frame.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { clients, credentials, known, makeKeys, quiet, Stranger } from "../support/handlers/authenticated.ts";
import { Handlers, lineOf, type Secrets } from "../support/handlers/handlers_in_memory.ts";
import { makeKey } from "../support/handlers/keys.ts";
import { channelAddresses, readToEnd, sendAll } from "../support/handlers/pair.ts";
import { OPEN } from "../support/handlers/session_pair.ts";
import { dataFrame } from "../support/wire/frames.ts";
import "../support/system/native.ts";

const CONFIG = `
channels: [192.0.2.1, 192.0.2.2, 192.0.2.3]
targets: {80: "127.0.0.2:8000"}
`;
const config = parseConfig("", serverSpec, ["--config", "s"], () => CONFIG);
const { server, alice, mallory } = await makeKeys();
const SECRETS: Secrets = {
  server: { keys: [server.server], clients: clients(known("alice", alice)) },
  client: { credentials: credentials(server, alice) },
};
const { NoProof, NotAuthentic, NoSuchKey, NotInvited, Revoked } = DeniedCode;

/** Handlers, and a stranger's association with the server. */
async function meet(secrets = SECRETS): Promise<{ handlers: Handlers; stranger: Stranger }> {
  const handlers = new Handlers({}, {}, secrets);
  return { handlers, stranger: await strangerOf(handlers) };
}

async function strangerOf({ network, clock }: Handlers): Promise<Stranger> {
  const stranger = new Stranger(await initiate(channelAddresses(3), { network, clock }));
  strangers.push(stranger);
  return stranger;
}

/** Waits for the end of a stranger's association that the server has refused. @returns Null for an end in order. */
async function endOf({ clock }: Handlers, { peer }: Stranger): Promise<unknown> {
  await clock.advance(1000);
  return await peer.ended;
}

/** All strangers of the test that is running. */
const strangers: Stranger[] = [];

/** Ends all strangers' associations, and closes the handlers. */
async function close(handlers: Handlers, ...held: Connection[]): Promise<void> {
  for (const { association } of strangers.splice(0)) association.end();
  await handlers.close(...held);
}

/** Outcomes that the server has counted. */
const outcomes = ({ server }: Handlers) => Object.fromEntries(server.activity.authentications.entries());

for (const method of ["ed25519", "hmac"] as const) {
  Deno.test(`a client and a server with ${method} keys carry sessions, and name the client everywhere`, async () => {
    const own = await makeKey(method), other = await makeKey();
    const secrets: Secrets = method === "hmac"
      ? { server: { clients: clients(known("alice", own)) }, client: { credentials: credentials(own, null) } }
      : {
        server: { keys: [other.server, server.server], clients: clients(known("bob", other), known("alice", own)) },
        client: { credentials: credentials(server, own) },
      };
    const handlers = new Handlers({}, {}, secrets);
    const one = await handlers.session(), two = await handlers.session();
    await sendAll(one.application, new Uint8Array([1]));
    assertEquals(outcomes(handlers), { authenticated: 1 }, "one proof for all sessions of an association");
    const [association] = handlers.server.activity.associations.values();
    assertEquals(association!.client, "alice");
    assertEquals([...handlers.server.activity.sessions].map(({ client }) => client), ["alice", "alice"]);
    assertEquals(lineOf(handlers.serverLines, "client authenticated")["name"], "alice");
    await close(handlers, one.application, one.target, two.application, two.target);
    assert(handlers.serverLines.some(({ event, name }) => event === "session reset" && name === "alice"));
  });
}

Deno.test("the client's proof leaves with its first OPEN and its first bytes, in one write on every channel", async () => {
  const handlers = new Handlers({}, {}, SECRETS);
  const application = await handlers.network.connect({ host: "127.0.0.1", port: 8080 });
  await sendAll(application, new TextEncoder().encode("hello"));
  const target = (await handlers.targets.accept())!;
  const [association] = handlers.client.activity.associations.keys();
  await quiet();
  // KEY and HELLO; AUTH, OPEN and DATA; END, which may wait for company.
  const sizes = [48 + 35 + 47, 35 + (7 + 96) + (7 + 4) + (7 + 5), 35 + 7];
  const total = sizes.reduce((sum, size) => sum + size);
  assertEquals(association!.sent, [total, total, total]);
  await close(handlers, application, target);
});

Deno.test("n-1 channels see the same sizes for every client, name and method, and other ones only for a refusal", async () => {
  const [pairwise, other] = [await makeKey("hmac"), await makeKey()];
  const all = clients(known("alice", alice), known("a-much-longer-name", other), known("bob", pairwise));
  const sizes: Record<string, unknown> = {};
  const keys = {
    alice: [server, alice],
    other: [server, other],
    bob: [pairwise, null],
    mallory: [server, mallory],
  } as const;
  for (const [name, [serverKey, clientKey]] of Object.entries(keys)) {
    const handlers = new Handlers({}, {}, {
      server: { keys: [server.server], clients: all },
      client: { credentials: credentials(serverKey, clientKey) },
    });
    const seen: number[][] = [];
    const application = await handlers.network.connect({ host: "127.0.0.1", port: 8080 });
    const target = name === "mallory" ? null : await handlers.targets.accept();
    if (target === null) await readToEnd(application);
    const [association] = handlers.server.activity.associations.keys();
    for (const { sent, received } of association === undefined ? [] : [association]) seen.push([...sent], received);
    sizes[name] = seen;
    await close(handlers, application, ...target === null ? [] : [target]);
  }
  assertEquals(sizes["other"], sizes["alice"]);
  assertEquals(sizes["bob"], sizes["alice"]);
  assert(JSON.stringify(sizes["mallory"]) !== JSON.stringify(sizes["alice"]));
});

Deno.test("an anonymous client, and one of an unknown key, is refused in one line on both sides, and reaches nothing", async () => {
  const cases: [Secrets["client"] | undefined, string, string, string][] = [
    [undefined, "no-proof", "the client did not authenticate", "the server handler admits only clients that it knows"],
    [
      { credentials: credentials(server, null) },
      "no-proof",
      "the client did not authenticate",
      "the server handler admits only clients that it knows",
    ],
    [
      { credentials: credentials(server, mallory) },
      "unknown-key",
      `the client has the unknown key ${mallory.client.id.toHex()}`,
      "the server handler does not know this client's key",
    ],
    [
      { credentials: credentials(mallory, alice) },
      "no-such-server-key",
      `the client expects the key ${mallory.client.id.toHex()} here`,
      "the server handler does not have the key that this client expects of it",
    ],
  ];
  for (const [client, outcome, reason, seen] of cases) {
    const handlers = new Handlers({}, {}, { ...SECRETS, client: client ?? {} });
    const application = await handlers.network.connect({ host: "127.0.0.1", port: 8080 });
    await sendAll(application, new Uint8Array(3000));
    assertInstanceOf((await readToEnd(application)).error, Deno.errors.ConnectionReset);
    await quiet();
    assertEquals(outcomes(handlers), { [outcome]: 1 });
    assertEquals(lineOf(handlers.serverLines, "client refused").reason, reason);
    assertEquals(handlers.serverLines.filter(({ level }) => level === "warn").length, 1);
    const lines = handlers.clientLines.filter(({ level }) => level === "warn");
    assert(lines.length > 0 && lines.every((line) => line["reason"] === seen), JSON.stringify(lines));
    assert(lines.some((line) => typeof line["hint"] === "string"));
    assertEquals(handlers.server.activity.sessions.size, 0);
    await close(handlers, application);
  }
});

Deno.test("a server that proves another key is refused by the client, and gets no byte of a session", async () => {
  const handlers = new Handlers({}, {}, SECRETS);
  // It has the id that the client expects, and another key: an impostor can make no more of a public half.
  const impostor = { ...mallory.server, id: server.server.id, hash: server.server.hash };
  handlers.server.reload({ config, keys: [impostor], clients: clients(known("alice", alice)) });
  const application = await handlers.network.connect({ host: "127.0.0.1", port: 8080 });
  await sendAll(application, new TextEncoder().encode("secret"));
  assertInstanceOf((await readToEnd(application)).error, Deno.errors.ConnectionReset);
  await quiet();
  const line = lineOf(handlers.clientLines, "session refused");
  assertEquals(line.reason, "the server handler did not prove that it has the key configured for it");
  assertEquals([handlers.server.activity.authenticated.size, outcomes(handlers)], [0, {}]);
  await close(handlers, application);
});

Deno.test("nothing but HELLO leaves a client before the server's proof", async () => {
  const handlers = new Handlers({}, {}, SECRETS);
  const slow = { ...server.server, sign: () => new Promise<never>(() => {}) };
  const patient = parseConfig("", serverSpec, ["--config", "s"], () => `${CONFIG}\ntimeouts: {handshake: 10s}`);
  handlers.server.reload({ config: patient, keys: [slow], clients: clients(known("alice", alice)) });
  const application = await handlers.network.connect({ host: "127.0.0.1", port: 8080 });
  await sendAll(application, new TextEncoder().encode("secret"));
  await quiet();
  const [association] = handlers.client.activity.associations.keys();
  assertEquals(association!.sent, [130, 130, 130]);
  await handlers.clock.advance(5000);
  await quiet();
  const { reason } = lineOf(handlers.clientLines, "session refused");
  assertEquals(reason, "the server handler did not prove its identity in time");
  await close(handlers, application);
});

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
    await quiet();
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

Deno.test("strangers' associations are the first to be evicted, and hold next to nothing", async () => {
  const handlers = new Handlers({}, { server: "limits: {associations: 2}" }, SECRETS);
  const { application, target } = await handlers.session();
  for (let at = 0; at < 5; at++) await strangerOf(handlers);
  await quiet();
  assertEquals(handlers.server.associations, 2);
  assertEquals(await Promise.all(strangers.slice(0, 4).map(({ peer }) => peer.ended)), [null, null, null, null]);
  assertEquals(handlers.server.activity.sessions.size, 1);
  await close(handlers, application, target);
});

Deno.test("a reload ends the sessions of a client that is no more, and of no other", async () => {
  const bob = await makeKey();
  const all = clients(known("alice", alice), known("bob", bob));
  const handlers = new Handlers({}, {}, { ...SECRETS, server: { keys: [server.server], clients: all } });
  const { application, target } = await handlers.session();
  const stranger = await strangerOf(handlers);
  await stranger.peer.send(encode.hello(server.client.id, stranger.nonce));
  await quiet();
  const { head } = await stranger.peer.next(FrameType.Auth);
  const exchange = {
    ...{ serverKey: server.client.hash, clientNonce: stranger.nonce, serverNonce: head },
    list: stranger.association.list,
  };
  await stranger.peer.send(await stranger.auth(bob.server, exchange), encode.open(1, OPEN));
  const other = (await handlers.targets.accept())!;
  assertEquals((await stranger.peer.next(FrameType.Result)).code, ResultCode.Ok);

  const added = await makeKey();
  handlers.server.reload({
    config,
    keys: [server.server],
    clients: clients(known("alice", alice), known("bob", added)),
  });
  assertEquals(await stranger.denied(), Revoked);
  assertInstanceOf((await readToEnd(other)).error, Deno.errors.ConnectionReset);
  assertEquals([...handlers.server.activity.sessions].map(({ client }) => client), ["alice"]);

  handlers.server.reload({ config, keys: [server.server], clients: clients(known("bob", added)) });
  assertInstanceOf((await readToEnd(target)).error, Deno.errors.ConnectionReset);
  assertInstanceOf((await readToEnd(application)).error, Deno.errors.ConnectionReset);
  assertEquals(outcomes(handlers), { authenticated: 2, revoked: 2 });
  await close(handlers, application, target, other);
});

Deno.test("a server that begins to require clients ends the sessions of those who have not proved who they are", async () => {
  const handlers = new Handlers({}, {}, { server: { keys: [server.server], clients: anyone } });
  const { application, target } = await handlers.session();
  handlers.server.reload({ config, keys: [server.server], clients: clients(known("alice", alice)) });
  assertInstanceOf((await readToEnd(application)).error, Deno.errors.ConnectionReset);
  assertEquals(outcomes(handlers), { revoked: 1 });
  await close(handlers, application, target);
});

Deno.test("keys are rotated without ending a session", async () => {
  const [newServer, newAlice] = [await makeKey(), await makeKey()];
  const handlers = new Handlers({}, {}, SECRETS);
  const { application, target } = await handlers.session();
  const both = clients(known("alice", alice), known("alice", newAlice));
  handlers.server.reload({ config, keys: [newServer.server, server.server], clients: both });
  const yaml = `
servers: {web: {channels: [192.0.2.1, 192.0.2.2, 192.0.2.3]}}
forward: ["127.0.0.1:8080=web:80"]
`;
  const { clientSpec } = await import("../../src/config/client.ts");
  const clientConfig = parseConfig("", clientSpec, ["--config", "c"], () => yaml);
  handlers.client.reload(clientConfig, { credentials: credentials(newServer, newAlice) });
  const later = await handlers.session();
  assertEquals(outcomes(handlers), { authenticated: 2 });
  // The old session goes on until the old key is removed.
  await sendAll(application, new Uint8Array([7]));
  assertEquals((await readToEnd(target)).bytes.length, 1);
  await close(handlers, application, target, later.application, later.target);
});

Deno.test("a client reaches only its ports, and has no more sessions than its limit", async () => {
  const only = clients(known("alice", alice, { ports: [80], sessions: 1 }));
  const handlers = new Handlers({}, {}, { ...SECRETS, server: { keys: [server.server], clients: only } });
  const { application, target } = await handlers.session();
  const other = await handlers.network.connect({ host: "127.0.0.1", port: 8081 });
  assertInstanceOf((await readToEnd(other)).error, Deno.errors.ConnectionReset);
  assertEquals(lineOf(handlers.serverLines, "session refused").reason, "this client may not reach this port");
  const second = await handlers.network.connect({ host: "127.0.0.1", port: 8080 });
  assertInstanceOf((await readToEnd(second)).error, Deno.errors.ConnectionReset);
  const limit = lineOf(handlers.serverLines, "limit reached");
  assertEquals([limit["limit"], limit["value"], limit["name"]], ["sessions-per-client", 1, "alice"]);
  await close(handlers, application, target, other, second);
});
