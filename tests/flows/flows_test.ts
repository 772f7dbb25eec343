/** Datagrams of applications through both handlers, in memory. */
import { assert, assertEquals } from "@std/assert";
import { endpointOf, sameEndpointHost } from "../../src/net/endpoint.ts";
import type { Packet } from "../support/network/memory_datagrams.ts";
import { events, lineOf } from "../support/handlers/handlers_in_memory.ts";
import { FlowPair, UDP_FORWARD, UDP_TARGET } from "./flow_pair.ts";

Deno.test("datagrams reach the target, and answers the application, with their traffic class", async () => {
  const pair = new FlowPair(), application = pair.application();
  application.send("one", UDP_FORWARD, 0xb8);
  application.send("two", UDP_FORWARD, 0xb8);
  await pair.flow();
  assertEquals(pair.target.texts, ["one", "two"]);
  assertEquals(application.texts, ["re: one", "re: two"]);
  assertEquals(application.got.map(({ from }) => from), [UDP_FORWARD, UDP_FORWARD]);
  assertEquals([...pair.target.got, ...application.got].map(({ trafficClass }) => trafficClass), Array(4).fill(0xb8));
  const { server, client } = pair.handlers;
  assertEquals([client.activity.datagrams.sent, server.activity.datagrams.sent], [2, 2]);
  assertEquals([client.activity.datagrams.received, server.activity.datagrams.received], [2, 2]);
  await pair.close();
});

Deno.test("a path that marks its packets as congested marks the datagram, whichever channel it is", async () => {
  for (const channel of [0, 1, 2]) {
    const pair = new FlowPair(), application = pair.application();
    const host = endpointOf({ host: `192.0.2.${channel + 1}`, port: 0 });
    pair.handlers.datagrams.pass = (packet) => {
      const isMarked = sameEndpointHost(packet.to, 0, host, 0);
      return [isMarked ? { ...packet, trafficClass: packet.trafficClass | 3 } : packet];
    };
    application.send("ECT(0)", UDP_FORWARD, 0xb8 | 2);
    await pair.flow();
    assertEquals(pair.target.got.map(({ trafficClass }) => trafficClass), [0xb8 | 3]);
    await pair.close();
  }
});

Deno.test("each application has a flow of its own, on one association", async () => {
  const pair = new FlowPair(), applications = Array.from({ length: 5 }, () => pair.application());
  for (const [index, application] of applications.entries()) application.send(`of ${index}`, UDP_FORWARD);
  await pair.flow();
  for (const [index, application] of applications.entries()) application.send(`again ${index}`, UDP_FORWARD);
  await pair.flow();
  assertEquals(
    applications.map(({ texts }) => texts),
    [0, 1, 2, 3, 4].map((at) => [`re: of ${at}`, `re: again ${at}`]),
  );
  assertEquals(new Set(pair.target.got.map(({ from }) => from.port)).size, 5);
  assertEquals(pair.handlers.server.associations, 1);
  await pair.close();
});

Deno.test("a flow to a port without a UDP target is refused, and asked for again with a later datagram", async () => {
  const pair = new FlowPair(), { clock, clientLines, serverLines } = pair.handlers;
  const application = pair.application();
  const refused = () => events(clientLines).filter((event) => event === "flow refused").length;
  for (let times = 0; times < 3; times++) {
    application.send("nobody there", { ...UDP_FORWARD, port: 5354 });
    await pair.flow();
  }
  assertEquals(refused(), 1);
  const { from: _from, ...line } = lineOf(clientLines, "flow refused");
  assertEquals(line, {
    event: "flow refused",
    level: "warn",
    ingress: "udp-forward",
    destination: "web:54",
    reason: "no UDP target for this port",
  });
  assertEquals(lineOf(serverLines, "session refused").reason, "no UDP target for this port is configured");
  await clock.advance(1000);
  application.send("still nobody", { ...UDP_FORWARD, port: 5354 });
  await pair.flow();
  assertEquals(refused(), 2);
  assertEquals(pair.target.got, []);
  await pair.close();
});

Deno.test("a flow ends after a question and an answer in 10 s, and otherwise in 120 s, without a datagram", async () => {
  const pair = new FlowPair(), { clock, client, server } = pair.handlers;
  const asks = pair.application(), talks = pair.application();
  asks.send("question", UDP_FORWARD);
  for (const text of ["some", "more"]) talks.send(text, UDP_FORWARD);
  await pair.flow();
  assertEquals([client.activity.sessions.size, server.activity.sessions.size], [2, 2]);
  await clock.advance(9_000);
  assertEquals(client.activity.sessions.size, 2);
  await clock.advance(3_000);
  assertEquals([client.activity.sessions.size, server.activity.sessions.size], [1, 1]);
  await clock.advance(100_000);
  assertEquals(client.activity.sessions.size, 1);
  await clock.advance(12_000);
  assertEquals([client.activity.sessions.size, server.activity.sessions.size], [0, 0]);
  talks.send("again", UDP_FORWARD);
  await pair.flow();
  assertEquals(talks.texts, ["re: some", "re: more", "re: again"]);
  await pair.close();
});

Deno.test("a datagram that does not fit the paths is dropped, counted, and holds up no other", async () => {
  const pair = new FlowPair(), application = pair.application(), { datagrams, client } = pair.handlers;
  datagrams.maxPayload = 1472;
  application.send("first", UDP_FORWARD);
  await pair.flow();
  application.send("x".repeat(1441), UDP_FORWARD);
  application.send("y".repeat(1440), UDP_FORWARD);
  await pair.flow();
  assertEquals(pair.target.texts.map(({ length }) => length), [5, 1440]);
  assertEquals(client.activity.datagrams.tooLarge, 1);
  await pair.close();
});

Deno.test("no two of three channels show a datagram, and all three together do", async () => {
  const pair = new FlowPair(), application = pair.application(), seen: Packet[] = [];
  pair.handlers.datagrams.pass = (packet) => {
    seen.push(packet);
    return [packet];
  };
  const secret = "the same words again and again, the same words again and again";
  for (let times = 0; times < 20; times++) application.send(secret, UDP_FORWARD);
  await pair.flow();
  const hosts = [1, 2, 3].map((last) => endpointOf({ host: `192.0.2.${last}`, port: 0 }));
  const shares = hosts.map((host) =>
    seen.filter(({ to, bytes }) => sameEndpointHost(to, 0, host, 0) && bytes.length === secret.length + 32)
  );
  assertEquals(shares.map(({ length }) => length), [20, 20, 20]);
  const joined = (channels: readonly number[], at: number): string => {
    const message = new Uint8Array(secret.length);
    for (const channel of channels) shares[channel]![at]!.bytes.subarray(32).forEach((byte, i) => message[i]! ^= byte);
    return new TextDecoder("latin1").decode(message);
  };
  for (let at = 0; at < 20; at++) {
    assertEquals(joined([0, 1, 2], at), secret);
    for (const some of [[0], [1], [2], [0, 1], [0, 2], [1, 2]]) assert(!joined(some, at).includes("the same"));
  }
  await pair.close();
});

Deno.test("when the association fails, the flow goes on over another one, and the target may speak first", async () => {
  const pair = new FlowPair({ server: "timeouts: {rejoin: 0}", client: "timeouts: {rejoin: 0}" });
  const application = pair.application(), { clock, network } = pair.handlers;
  application.send("before", UDP_FORWARD);
  await pair.flow();
  await clock.advance(5000);
  for (const association of pair.handlers.client.activity.associations.keys()) association.connections[1]!.reset();
  await pair.flow();
  await clock.advance(100);
  await pair.flow();
  assertEquals(pair.handlers.server.associations, 1);
  void network;
  application.send("after", UDP_FORWARD);
  await pair.flow();
  assertEquals(application.texts, ["re: before", "re: after"]);
  // The flow has another socket towards the target now.
  const { from } = pair.target.got.at(-1)!;
  pair.target.send("by itself", from);
  await pair.flow();
  assertEquals(application.texts.at(-1), "by itself");
  assertEquals(pair.target.socket.address, UDP_TARGET);
  await pair.close();
});

Deno.test("a server that speaks first reaches a client that was silent, and one that has moved", async () => {
  const pair = new FlowPair(), application = pair.application(), { clock, network, server } = pair.handlers;
  application.send("here", UDP_FORWARD);
  await pair.flow();
  const { from } = pair.target.got[0]!;
  // The path of one channel breaks, and its new connection has another local address.
  const [association] = pair.handlers.client.activity.associations.keys();
  const before = association!.connections[1]!.local;
  network.source = "198.51.100.77";
  association!.connections[1]!.reset();
  await pair.flow();
  await clock.advance(1000);
  await pair.flow();
  assert(JSON.stringify(association!.connections[1]!.local) !== JSON.stringify(before));
  pair.target.send("pushed", from);
  await pair.flow();
  assertEquals(application.texts, ["re: here", "pushed"]);
  assertEquals(server.activity.datagrams.noAddress, 0);
  await pair.close();
});

Deno.test("while a flow is open and nothing is sent, the client tells where it is every 20 s", async () => {
  const pair = new FlowPair(), application = pair.application(), { clock, datagrams, client } = pair.handlers;
  for (const text of ["one", "two"]) application.send(text, UDP_FORWARD);
  await pair.flow();
  let packets = 0;
  datagrams.pass = (packet) => {
    packets++;
    assertEquals(packet.bytes.length, 32);
    return [packet];
  };
  await clock.advance(19_000);
  assertEquals(packets, 0);
  await clock.advance(42_000);
  assertEquals(packets, 9);
  assertEquals(client.activity.datagrams.sent, 2);
  await clock.advance(60_000);
  packets = 0;
  await clock.advance(60_000);
  assertEquals(packets, 0);
  await pair.close();
});
