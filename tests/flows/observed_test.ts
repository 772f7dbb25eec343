/** Metrics, status and log lines of flows, in memory. */
import { assert, assertEquals } from "@std/assert";
import { DatagramCounts, droppedOf } from "../../src/datagrams/counts.ts";
import { collect } from "../../src/observe/collect.ts";
import type { Observable } from "../../src/observe/observable.ts";
import { handlerStatus } from "../../src/observe/status.ts";
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
