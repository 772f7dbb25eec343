/** Metrics, status and log lines of flows, in memory. */
import { assert, assertEquals } from "@std/assert";
import { DatagramCounts, droppedOf } from "../../src/datagrams/counts.ts";
import { endpointOf, sameEndpointHost } from "../../src/net/endpoint.ts";
import { collect } from "../../src/observe/collect.ts";
import type { Observable } from "../../src/observe/observable.ts";
import { handlerStatus } from "../../src/observe/status.ts";
import { events, type Line, lineOf } from "../support/handlers/handlers_in_memory.ts";
import type { Packet } from "../support/network/memory_datagrams.ts";
import { FlowPair, UDP_FORWARD } from "./flow_pair.ts";

/** The values of a metric by label. */
function valuesOf(handler: Observable, name: string): Record<string, number> {
  const metric = collect(handler, { version: "1", loopLag: 0 }).find((metric) => metric.name === name)!;
  assert(metric.type !== "histogram", name);
  return Object.fromEntries(metric.samples.map(({ labels = {}, value }) => [Object.values(labels).join(), value]));
}

/** Numbers of what was dropped, without zeros. */
function dropsOf(handler: Observable): Record<string, number> {
  const all = Object.entries(valuesOf(handler, "micss_datagrams_dropped_total"));
  return Object.fromEntries(all.filter(([, count]) => count > 0));
}

Deno.test("each reason to drop a datagram is a series from the start, named as its field", () => {
  const counts = new DatagramCounts();
  counts.tooLarge = 3;
  counts.sentBytes = 9;
  const reasons = new Map(droppedOf(counts));
  assertEquals([reasons.get("too-large"), reasons.get("no-flow"), reasons.get("forged")], [3, 0, 0]);
  for (const carried of ["sent", "sent-bytes", "received", "received-bytes"]) assert(!reasons.has(carried), carried);
});

Deno.test("flows and their datagrams are in the metrics and the status of both sides, and each is a session", async () => {
  const pair = new FlowPair(), { client, server } = pair.handlers;
  const [one, other] = [pair.application(), pair.application()];
  one.send("12345", UDP_FORWARD);
  other.send("1234567", UDP_FORWARD);
  await pair.flow();
  for (const handler of [client, server]) {
    assertEquals(valuesOf(handler, "micss_flows"), { "": 2 });
    assertEquals(valuesOf(handler, "micss_sessions"), { "": 2 });
    assertEquals(dropsOf(handler), {});
    const { sessionCount, flowCount, sessions } = handlerStatus(handler, []);
    assertEquals([sessionCount, flowCount, sessions.map(({ datagrams }) => datagrams)], [2, 2, [true, true]]);
  }
  // Each answer is 4 bytes longer.
  assertEquals(valuesOf(client, "micss_datagrams_total"), { out: 2, in: 2 });
  assertEquals(valuesOf(client, "micss_datagram_bytes_total"), { out: 12, in: 20 });
  assertEquals(valuesOf(server, "micss_datagram_bytes_total"), { out: 20, in: 12 });
  const { dropped, ...carried } = handlerStatus(client, []).totals.datagrams;
  assertEquals(carried, { sent: 2, sentBytes: 12, received: 2, receivedBytes: 20 });
  assertEquals(dropped["too-large"], 0);
  const { application, target } = await pair.handlers.session();
  assertEquals([valuesOf(client, "micss_sessions"), valuesOf(client, "micss_flows")], [{ "": 3 }, { "": 2 }]);
  assertEquals(handlerStatus(client, []).sessions[0]!.datagrams, undefined);
  await pair.handlers.clock.advance(130_000);
  assertEquals([valuesOf(client, "micss_sessions"), valuesOf(client, "micss_flows")], [{ "": 1 }, { "": 0 }]);
  for (const connection of [application, target]) connection.reset();
  await pair.close();
});

/** The only line of an event, without the application's port. */
function lineAbout(lines: readonly Line[], event: string): Record<string, unknown> {
  const { from: _from, client: _client, ...line } = lineOf(lines, event);
  return line;
}

Deno.test("a datagram that is too large has a line with its size, how much fits, and its way in, once in 10 s", async () => {
  const pair = new FlowPair(), { datagrams, clock, client, clientLines } = pair.handlers;
  const application = pair.application();
  datagrams.maxPayload = 1472;
  application.send("first", UDP_FORWARD);
  await pair.flow();
  for (let times = 0; times < 50; times++) application.send("x".repeat(1452), UDP_FORWARD);
  await pair.flow();
  assertEquals(lineAbout(clientLines, "datagram too large"), {
    ...{ event: "datagram too large", level: "warn", ingress: "udp-forward", destination: "web:53" },
    reason: "1452 bytes, at most 1440 fit",
  });
  assertEquals(dropsOf(client), { "too-large": 50 });
  assertEquals(client.activity.datagrams.sent, 1);
  await clock.advance(10_000);
  const [, more] = clientLines.filter(({ event }) => event === "datagram too large");
  assertEquals([more!["more-times"], more!.seconds], [49, 10]);
  await pair.close();
});

Deno.test("a datagram that is longer than any that is carried has a line, whatever the paths", async () => {
  const pair = new FlowPair(), { client, clientLines } = pair.handlers;
  pair.application().send("x".repeat(20_000), UDP_FORWARD);
  await pair.flow();
  assertEquals(lineAbout(clientLines, "datagram too large"), {
    ...{ event: "datagram too large", level: "warn", ingress: "udp-forward" },
    reason: "more than 8972 bytes, at most 8940 fit",
  });
  assertEquals(dropsOf(client), { "too-large": 1 });
  await pair.close();
});

Deno.test("a target's answer that is too large has a line on the server, with the target", async () => {
  const pair = new FlowPair(), { datagrams, server, serverLines } = pair.handlers;
  const application = pair.application();
  datagrams.maxPayload = 1472;
  for (const length of [1, 1436, 1437]) application.send("x".repeat(length), UDP_FORWARD);
  await pair.flow();
  assertEquals(application.texts.map(({ length }) => length), [5, 1440]);
  assertEquals(lineAbout(serverLines, "datagram too large"), {
    ...{ event: "datagram too large", level: "warn", target: "127.0.0.2:5300" },
    reason: "1441 bytes, at most 1440 fit",
  });
  assertEquals(dropsOf(server), { "too-large": 1 });
  await pair.close();
});

Deno.test("packets that were altered have a line with the association, on the side that they came to, and no payload", async () => {
  const pair = new FlowPair(), { datagrams, clock, client, server, clientLines, serverLines } = pair.handlers;
  const application = pair.application(), secret = "the secret";
  application.send("first", UDP_FORWARD);
  await pair.flow();
  const [channel] = pair.handlers.server.channels;
  datagrams.pass = (packet: Packet) => {
    const isShare = packet.to[4] === channel!.port && packet.bytes.length === secret.length + 32;
    if (isShare && sameEndpointHost(packet.to, 0, endpointOf(channel!), 0)) packet.bytes[20]! ^= 1;
    return [packet];
  };
  for (let times = 0; times < 5; times++) application.send(secret, UDP_FORWARD);
  await pair.flow();
  assertEquals(pair.target.texts, ["first"]);
  const { client: _client, ...line } = lineOf(serverLines, "datagram forged");
  assertEquals(line, {
    event: "datagram forged",
    level: "warn",
    reason: "its shares are not those that were sent: packets on a channel are being altered",
  });
  const [association] = server.activity.associations.keys();
  assertEquals(serverLines.find(({ event }) => event === "datagram forged")!.association, association!.id);
  assertEquals(dropsOf(server), { forged: 5 });
  assertEquals([dropsOf(client), events(clientLines).includes("datagram forged")], [{}, false]);
  assert(![...serverLines, ...clientLines].some((line) => JSON.stringify(line).includes("secret")));
  await clock.advance(10_000);
  assertEquals(serverLines.filter(({ event }) => event === "datagram forged").length, 2);
  await pair.close();
});

Deno.test("packets to the client that were altered have a line that names the server", async () => {
  const pair = new FlowPair(), { datagrams, client, clientLines } = pair.handlers, application = pair.application();
  const [channel] = pair.handlers.server.channels;
  application.send("first", UDP_FORWARD);
  await pair.flow();
  datagrams.pass = (packet: Packet) => {
    if (packet.from[4] === channel!.port && sameEndpointHost(packet.from, 0, endpointOf(channel!), 0)) {
      packet.bytes[20]! ^= 1;
    }
    return [packet];
  };
  application.send("again", UDP_FORWARD);
  await pair.flow();
  assertEquals(application.texts, ["re: first"]);
  const { server } = lineOf(clientLines, "datagram forged");
  assertEquals([server, dropsOf(client)], ["web", { forged: 1 }]);
  await pair.close();
});
