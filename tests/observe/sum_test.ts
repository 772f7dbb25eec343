import { assert, assertEquals } from "@std/assert";
import type { AssociationStatus, ChannelStatus, HandlerStatus } from "../../src/observe/status.ts";
import { type Metric } from "../../src/observe/metrics.ts";
import { sumHistories, sumMetrics, sumStatuses } from "../../src/observe/sum.ts";

function metrics(name: string, ...values: [label: string, value: number][]): Metric[] {
  return [{ name, help: "X.", type: "gauge", samples: values.map(([x, value]) => ({ labels: { x }, value })) }];
}

function valuesOf([metric]: readonly Metric[]): Record<string, number> {
  assert(metric !== undefined && metric.type !== "histogram");
  return Object.fromEntries(metric.samples.map(({ labels, value }) => [labels!.x, value]));
}

Deno.test("counters and gauges are added by label; a series of one worker only is kept", () => {
  const sum = sumMetrics([
    metrics("micss_sessions", ["a", 1], ["b", 2]),
    metrics("micss_sessions", ["b", 3], ["c", 4]),
  ]);
  assertEquals(valuesOf(sum), { a: 1, b: 5, c: 4 });
});

Deno.test("metrics that are equal everywhere or where the worst counts are not added", () => {
  for (const name of ["micss_info", "micss_limit", "micss_event_loop_lag_seconds", "micss_process_open_files"]) {
    assertEquals(valuesOf(sumMetrics([metrics(name, ["", 3]), metrics(name, ["", 5])])), { "": 5 }, name);
  }
  const start = "micss_process_start_time_seconds";
  assertEquals(valuesOf(sumMetrics([metrics(start, ["", 3]), metrics(start, ["", 5])])), { "": 3 });
});

Deno.test("histograms are added bucket by bucket", () => {
  const one = (...cumulative: number[]): Metric[] => [{
    name: "x_seconds",
    help: "X.",
    type: "histogram",
    histogram: { bounds: [1, 2], cumulative, sum: 0.5 },
  }];
  assertEquals(sumMetrics([one(1, 2, 3), one(0, 4, 4), one(0, 0, 0)]), [{
    ...one(1, 6, 7)[0]!,
    histogram: { bounds: [1, 2], cumulative: [1, 6, 7], sum: 1.5 },
  }] as Metric[]);
});

function channel(more: Partial<ChannelStatus>): ChannelStatus {
  return {
    ...{ server: "web", channel: 1, address: "192.0.2.1:6522", state: "idle", associations: 1, sent: 10, received: 20 },
    ...{ rateOut: 1, rateIn: 2, behindOut: 3, behindIn: 4, failures: 0, away: 0, broken: 1, rejoined: 1 },
    ...{ lying: 0, lies: 1 },
    ...more,
  };
}

function association(more: Partial<AssociationStatus>): AssociationStatus {
  return { id: "1", peer: "web", sessions: 1, age: 5, sent: 10, received: 20, ...more };
}

function seen(more: Partial<HandlerStatus>): HandlerStatus {
  return {
    ...{
      role: "client",
      sessionCount: 1,
      flowCount: 1,
      streams: 1,
      associationCount: 2,
      channels: [channel({})],
      limits: [],
    },
    associations: [association({})],
    sessions: [{ id: "1", to: "web", port: 80, association: "1", age: 5, sent: 1, received: 2 }],
    totals: {
      ended: { ended: 1 },
      resets: {},
      refusals: {},
      handshakes: { associated: 2 },
      refusedRecords: 0,
      creditWaits: 1,
      datagrams: { sent: 1, sentBytes: 20, received: 2, receivedBytes: 40, dropped: { forged: 0, late: 3 } },
    },
    ...more,
  };
}

Deno.test("sessions are merged with their worker's number, newest first", () => {
  const [session] = seen({}).sessions;
  const sum = sumStatuses([seen({}), seen({ sessions: [{ ...session!, age: 9 }, { ...session!, age: 1 }] })]);
  assertEquals(sum.sessions.map(({ age, worker }) => [age, worker]), [[1, 1], [5, 0], [9, 1]]);
  assertEquals([sum.sessionCount, sum.flowCount, sum.streams, sum.associationCount], [2, 2, 2, 4]);
  const many = Array.from({ length: 80 }, () => session!);
  assertEquals(sumStatuses([seen({ sessions: many }), seen({ sessions: many })]).sessions.length, 100);
});

Deno.test("associations are merged with their worker's number, those with the most sessions first", () => {
  const busy = [association({ sessions: 7 }), association({ id: "2", sessions: 0 })];
  const sum = sumStatuses([seen({}), seen({ associations: busy })]);
  assertEquals(sum.associations.map(({ sessions, worker }) => [sessions, worker]), [[7, 1], [1, 0], [0, 1]]);
  const many = Array.from({ length: 80 }, () => association({}));
  assertEquals(sumStatuses([seen({ associations: many }), seen({ associations: many })]).associations.length, 100);
});

Deno.test("a channel is merged over all workers: sum of bytes, worst state, last failure", () => {
  const sum = sumStatuses([
    seen({ channels: [channel({ failures: 2, failure: { reason: "old", age: 60 } })] }),
    seen({ channels: [channel({ state: "failed", failures: 1, failure: { reason: "new", age: 2 }, behindIn: 9 })] }),
    seen({ channels: [channel({ state: "flowing" }), channel({ channel: 2, address: "192.0.2.2:6522" })] }),
  ]);
  assertEquals(sum.channels, [
    channel({
      ...{ state: "failed", associations: 3, sent: 30, received: 60, rateOut: 3, rateIn: 6, behindIn: 9, failures: 3 },
      ...{ broken: 3, rejoined: 3, lies: 3 },
      failure: { reason: "new", age: 2 },
    }),
    channel({ channel: 2, address: "192.0.2.2:6522" }),
  ]);
});

Deno.test("totals and pools are added; limits keep their value and their use is added", () => {
  const limits = [{ name: "sessions", value: 100, used: 7 }];
  const pool = { idle: 1, busy: 2, warming: 0 };
  const one = seen({ limits, pool, totals: { ...seen({}).totals, refusals: { overloaded: 1 }, refusedRecords: 1 } });
  const sum = sumStatuses([one, seen({ limits, pool })]);
  assertEquals(sum.limits, [{ name: "sessions", value: 100, used: 14 }]);
  assertEquals([sum.pool, sum.waiting], [{ idle: 2, busy: 4, warming: 0 }, undefined]);
  assertEquals([sum.totals.ended, sum.totals.refusals], [{ ended: 2 }, { overloaded: 1 }]);
  assertEquals([sum.totals.refusedRecords, sum.totals.creditWaits], [1, 2]);
  assertEquals(sum.totals.datagrams, {
    ...{ sent: 2, sentBytes: 40, received: 4, receivedBytes: 80 },
    dropped: { forged: 0, late: 6 },
  });
  assertEquals(sumStatuses([seen({ waiting: 2 }), seen({ waiting: 0 })]).waiting, 2);
});

Deno.test("histories are added, aligned at the last sample", () => {
  const look = (rateOut: number) => [{ server: "", address: "a", rateOut, rateIn: 1 }];
  assertEquals(sumHistories([[look(1), look(2)], [look(10)]]), [
    [{ server: "", address: "a", rateOut: 1, rateIn: 1 }],
    [{ server: "", address: "a", rateOut: 12, rateIn: 2 }],
  ]);
});

Deno.test("the routes are those of the worker that checks them", () => {
  const routes = [{ server: "web", channel: 1, kept: true }];
  const of = (more: Partial<HandlerStatus>) => ({ ...seen({}), ...more });
  assertEquals(sumStatuses([of({ routes }), of({})]).routes, routes);
  assertEquals(sumStatuses([of({}), of({})]).routes, undefined);
});
