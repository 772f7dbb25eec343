/** Flows when a server drains, a client is removed, each session has an association of its own, and with workers. */
import { assert, assertEquals } from "@std/assert";
import { parseConfig } from "../../src/config/load.ts";
import { clientSpec } from "../../src/config/client.ts";
import { serverSpec } from "../../src/config/server.ts";
import { ClientHandler } from "../../src/client/handler.ts";
import { createLog, silentLog } from "../../src/log/log.ts";
import { ServerHandler } from "../../src/server/handler.ts";
import { joinWorkerGroup, workerGroupMemory } from "../../src/workers/worker_group.ts";
import { clients, credentials, known, makeKeys, quiet } from "../support/handlers/authenticated.ts";
import type { Line } from "../support/handlers/handlers_in_memory.ts";
import { MemoryDatagrams } from "../support/network/memory_datagrams.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";
import { DatagramProgram, FlowPair, UDP_FORWARD, UDP_TARGET } from "./flow_pair.ts";
import { flowing } from "./hostile.ts";

const HOSTS = [1, 2, 3].map((last) => `192.0.2.${last}`);

const UDP_SERVER = parseConfig("", serverSpec, ["--config", "s"], () => `
channels: [${HOSTS}]
targets: {80: "127.0.0.2:8000"}
udp-targets: {53: "${UDP_TARGET.host}:${UDP_TARGET.port}"}
`);

Deno.test("a server that drains ends its flows, and they go on with the one that takes its place", async () => {
  const pair = new FlowPair(),
    application = pair.application(),
    { clock, network, datagrams, server, client } = pair.handlers;
  const session = await pair.handlers.session();
  for (const text of ["one", "two"]) application.send(text, UDP_FORWARD);
  await pair.flow();
  await clock.advance(2000);
  server.stopListening();
  const next = new ServerHandler({ config: UDP_SERVER, log: silentLog, system: { network, clock }, datagrams });
  await pair.flow();
  assertEquals([server.activity.sessions.size, client.activity.sessions.size], [1, 2], "the session goes on");
  for (const text of ["three", "four"]) application.send(text, UDP_FORWARD);
  await pair.flow();
  await clock.advance(100);
  await pair.flow();
  assertEquals(application.texts, ["one", "two", "three", "four"].map((text) => `re: ${text}`));
  assertEquals([server.associations, next.associations], [1, 1]);
  assertEquals(new Set(pair.target.got.map(({ from }) => from.port)).size, 2);
  session.application.close();
  session.target.close();
  await pair.flow();
  await clock.until(server.idle());
  for (const { socket } of [application, pair.target]) socket.close();
  await clock.until(Promise.all([client.close(), next.close()]));
  await pair.close();
});

Deno.test("a flow whose target is looked up while the server leaves is ended, too", async () => {
  const { promise, resolve } = Promise.withResolvers<readonly string[]>();
  const network = new MemoryNetwork(), datagrams = new MemoryDatagrams(), clock = new FakeClock();
  const config = parseConfig("", serverSpec, ["--config", "s"], () => `
channels: [${HOSTS}]
udp-targets: {53: "name.example:5300"}
`);
  const server = new ServerHandler({
    ...{ config, datagrams, log: silentLog },
    system: { network, clock, resolve: () => promise },
  });
  const client = clientOf(network, datagrams, clock);
  const application = new DatagramProgram({ datagrams }, { host: "127.0.0.1", port: 0 });
  application.send("question", UDP_FORWARD);
  await flowing(datagrams);
  assertEquals(server.activity.sessions.size, 0);
  server.stopListening();
  resolve(["127.0.0.2"]);
  await flowing(datagrams);
  await clock.advance(3500);
  assertEquals([server.associations, server.activity.sessions.size], [0, 0]);
  application.socket.close();
  await clock.until(client.close());
  await clock.until(server.close());
  await clock.advance(10_000);
  assertEquals([network.openEnds, datagrams.openSockets, clock.pending], [0, 0, 0]);
});

/** A client handler with a forward of datagrams. */
function clientOf(network: MemoryNetwork, datagrams: MemoryDatagrams, clock: FakeClock, yaml = "", lines: Line[] = []) {
  const config = parseConfig("", clientSpec, ["--config", "c"], () => `
servers: {web: {channels: [${HOSTS}]}}
udp-forward: ["127.0.0.1:5353=web:53"]
warm: 0
${yaml}`);
  const system = { network, clock, originalDestination: () => undefined, makeTransparent: () => {} };
  const log = createLog({ level: "debug", format: "json", write: (line) => lines.push(JSON.parse(line)) });
  return new ClientHandler(config, { log, system, datagrams });
}

Deno.test("flows of a client that is removed end at once, and it opens no further one", async () => {
  const { server: serverKey, alice } = await makeKeys();
  const secrets = {
    server: { keys: [serverKey.server], clients: clients(known("alice", alice)) },
    client: { credentials: credentials(serverKey, alice) },
  };
  const pair = new FlowPair({}, secrets), application = pair.application(), { handlers } = pair;
  application.send("known", UDP_FORWARD);
  for (let round = 0; round < 500 && application.got.length === 0; round++) {
    await quiet();
    await pair.flow();
  }
  assertEquals(application.texts, ["re: known"]);
  const { from } = pair.target.got[0]!;
  handlers.server.reload({ config: UDP_SERVER, keys: [serverKey.server], clients: clients() });
  await settle();
  pair.target.send("to nobody", from);
  application.send("from nobody", UDP_FORWARD);
  await pair.flow();
  await handlers.clock.advance(1500);
  await pair.flow();
  assertEquals(handlers.server.activity.sessions.size, 0);
  application.send("again", UDP_FORWARD);
  await quiet();
  await pair.flow();
  assertEquals([pair.target.texts, application.texts], [["known"], ["re: known"]]);
  await quiet();
  await pair.close();
});

Deno.test("a client that a server does not know gets no flow, whatever it hands out", async () => {
  const { server: serverKey, alice, mallory } = await makeKeys();
  const pair = new FlowPair({}, {
    server: { keys: [serverKey.server], clients: clients(known("alice", alice)) },
    client: { credentials: credentials(serverKey, mallory) },
  });
  const application = pair.application();
  application.send("let me in", UDP_FORWARD);
  const isRefused = () => pair.handlers.serverLines.some(({ event }) => event === "client refused");
  for (let round = 0; round < 10 || round < 500 && !isRefused(); round++) {
    await quiet();
    await pair.flow();
  }
  assertEquals([pair.target.got, application.got, isRefused()], [[], [], true]);
  await pair.close();
});

Deno.test("with an association for each session, each flow has one, and its sockets are closed with it", async () => {
  const pair = new FlowPair({ client: "associations: per-session" }), { handlers: { clock, server, datagrams } } = pair;
  const applications = Array.from({ length: 4 }, () => pair.application()), before = datagrams.openSockets;
  for (let round = 0; round < 2; round++) {
    for (const [index, application] of applications.entries()) application.send(`${index} ${round}`, UDP_FORWARD);
    await pair.flow();
    await clock.advance(100);
    await pair.flow();
  }
  for (const [index, { texts }] of applications.entries()) {
    assertEquals(texts.filter((text) => text.startsWith(`re: ${index}`)).length, texts.length);
    assertEquals(texts.length, 2);
  }
  assertEquals(server.associations, 4);
  // Of each flow, one towards the target, and three of the client's.
  assertEquals(datagrams.openSockets - before, 4 * (1 + 3));
  await clock.advance(250_000);
  assertEquals([server.associations, datagrams.openSockets], [0, before]);
  await pair.close();
});

Deno.test("flows are spread over a server's workers, each of which receives at its own ports", async () => {
  const network = new MemoryNetwork(), datagrams = new MemoryDatagrams(), clock = new FakeClock();
  const memory = workerGroupMemory(2);
  const servers = [0, 1].map((index) =>
    new ServerHandler({
      ...{ config: UDP_SERVER, log: silentLog, system: { network, clock }, datagrams },
      group: joinWorkerGroup(memory, index),
    })
  );
  const target = new DatagramProgram({ datagrams }, UDP_TARGET, (text) => `re: ${text}`);
  const client = clientOf(network, datagrams, clock), applications: DatagramProgram[] = [];
  for (let count = 0; count < 8; count++) {
    const application = new DatagramProgram({ datagrams }, { host: "127.0.0.1", port: 0 });
    applications.push(application);
    application.send(`of ${count}`, UDP_FORWARD);
    await flowing(datagrams);
    await clock.advance(10);
  }
  assertEquals(applications.map(({ texts }) => texts), applications.map((_, index) => [`re: of ${index}`]));
  const flows = servers.map(({ activity }) => activity.sessions.size);
  assert(flows.every((count) => count >= 3), `${flows}`);
  assertEquals(servers.map(({ activity }) => activity.datagrams.stray), [0, 0]);
  for (const { socket } of [target, ...applications]) socket.close();
  await clock.until(client.close());
  for (const server of servers) await clock.until(server.close());
  await clock.advance(10_000);
  await settle();
  assertEquals([network.openEnds, datagrams.openSockets, clock.pending], [0, 0, 0]);
});
