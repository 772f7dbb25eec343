/** Clients that prove who they are to a server handler, and lose that again. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { anyone } from "../../src/authenticate/client_directory.ts";
import { parseConfig } from "../../src/config/load.ts";
import { serverSpec } from "../../src/config/server.ts";
import { DeniedCode } from "../../src/wire/authenticate.ts";
import { FrameType, ResultCode } from "../../src/wire/frame.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { clients, credentials, known, quiet, until } from "../support/handlers/authenticated.ts";
import { Handlers, lineOf, type Secrets } from "../support/handlers/handlers_in_memory.ts";
import { makeKey } from "../support/handlers/keys.ts";
import { readToEnd, sendAll } from "../support/handlers/pair.ts";
import { OPEN } from "../support/handlers/session_pair.ts";
import "../support/system/native.ts";
import { alice, close, CONFIG, config, mallory, outcomes, SECRETS, server, strangerOf } from "./authentication.ts";

const { Revoked } = DeniedCode;

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
  const handlers = new Handlers({}, { server: "timeouts: {rejoin: 0}" }, SECRETS);
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

Deno.test("strangers' associations are the first to be evicted, and hold next to nothing", async () => {
  const handlers = new Handlers({}, { server: "limits: {associations: 2}" }, SECRETS);
  const { application, target } = await handlers.session();
  const strangers = [];
  for (let at = 0; at < 5; at++) strangers.push(await strangerOf(handlers));
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
  await until(() => stranger.peer.heard.length > 0);
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
