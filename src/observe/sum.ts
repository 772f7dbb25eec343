/**
 * Merges the metrics and statuses of several event loops into one.
 *
 * @module
 */
import { sumClients } from "./clients.ts";
import { type ChannelStatus, type DatagramTotals, type HandlerStatus, type History, MAX_LISTED } from "./status.ts";
import type { Distribution, Metric, Sample } from "./metrics.ts";
import type { Levels, Limit } from "./observable.ts";
import { CHANNEL_STATES } from "./sampler.ts";

/** Metrics merged by their maximum: the same in every event loop, or the worst counts. All others are added. */
const MAXIMUM: readonly string[] = [
  "micss_info",
  "micss_limit",
  "micss_channel_behind_bytes",
  "micss_channel_kept_apart",
  "micss_event_loop_lag_seconds",
  "micss_process_resident_memory_bytes",
  "micss_process_open_files",
  "micss_process_max_files",
];

/** The one metric merged by its minimum. */
const START = "micss_process_start_time_seconds";

/** Merges metrics. @param all Those of each event loop, at least one. */
export function sumMetrics(all: readonly (readonly Metric[])[]): Metric[] {
  const [first = []] = all;
  return first.map((metric) => {
    const same = all.flatMap((metrics) => metrics.filter(({ name }) => name === metric.name));
    if (metric.type === "histogram") {
      const histograms = same.flatMap((one) => one.type === "histogram" ? [one.histogram] : []);
      return { ...metric, histogram: histograms.reduce(addDistributions) };
    }
    return { ...metric, samples: sumSamples(metric.name, same.flatMap((one) => "samples" in one ? one.samples : [])) };
  });
}

function sumSamples(name: string, samples: readonly Sample[]): Sample[] {
  const sums = new Map<string, Sample>();
  for (const sample of samples) {
    const key = JSON.stringify(sample.labels ?? {});
    const before = sums.get(key);
    sums.set(key, before === undefined ? sample : { ...sample, value: both(name, before.value, sample.value) });
  }
  return [...sums.values()];
}

function both(name: string, one: number, other: number): number {
  if (name === START) return Math.min(one, other);
  return MAXIMUM.includes(name) ? Math.max(one, other) : one + other;
}

function addDistributions(one: Distribution, other: Distribution): Distribution {
  const cumulative = one.cumulative.map((count, at) => count + other.cumulative[at]!);
  return { bounds: one.bounds, cumulative, sum: one.sum + other.sum };
}

/** Merges the workers' statuses. @param all Indexed by the worker's number; at least one. */
export function sumStatuses(all: readonly HandlerStatus[]): HandlerStatus {
  const [first] = all;
  const sessions = all.flatMap((status, worker) => status.sessions.map((one) => ({ ...one, worker })));
  const clients = sumClients(all.map(({ clients = [] }) => clients));
  const associations = all.flatMap((status, worker) => status.associations.map((one) => ({ ...one, worker })));
  return {
    ...first!,
    ...sumLevels(all),
    sessionCount: total(all.map(({ sessionCount }) => sessionCount)),
    sessions: sessions.toSorted((one, other) => one.age - other.age).slice(0, MAX_LISTED),
    flowCount: total(all.map(({ flowCount }) => flowCount)),
    streams: total(all.map(({ streams }) => streams)),
    associationCount: total(all.map(({ associationCount }) => associationCount)),
    associations: associations.toSorted((one, other) => other.sessions - one.sessions).slice(0, MAX_LISTED),
    ...clients.length > 0 && { clients: clients.slice(0, MAX_LISTED) },
    channels: [...Map.groupBy(all.flatMap(({ channels }) => channels), keyOf).values()].map((same) =>
      same.reduce(addChannels)
    ),
    totals: {
      ended: addRecords(all.map(({ totals }) => totals.ended)),
      resets: addRecords(all.map(({ totals }) => totals.resets)),
      refusals: addRecords(all.map(({ totals }) => totals.refusals)),
      handshakes: addRecords(all.map(({ totals }) => totals.handshakes)),
      refusedRecords: total(all.map(({ totals }) => totals.refusedRecords)),
      creditWaits: total(all.map(({ totals }) => totals.creditWaits)),
      datagrams: addDatagrams(all.map(({ totals }) => totals.datagrams)),
    },
  };
}

function sumLevels(all: readonly Levels[]): Levels {
  const waiting = all.flatMap(({ waiting }) => waiting ?? []);
  const pools = all.flatMap(({ pool }) => pool ?? []);
  const [rules] = all.flatMap(({ rules }) => rules ?? []);
  const [routes] = all.flatMap(({ routes }) => routes === undefined ? [] : [routes]);
  const limits = Map.groupBy(all.flatMap(({ limits }) => limits), ({ name }) => name);
  return {
    ...waiting.length > 0 && { waiting: total(waiting) },
    ...pools.length > 0 && { pool: addRecords(pools) },
    ...rules !== undefined && { rules },
    ...routes !== undefined && { routes },
    limits: [...limits.values()].map(([first, ...others]): Limit => ({
      ...first!,
      used: total([first!, ...others].map(({ used }) => used)),
    })),
  };
}

function addChannels(one: ChannelStatus, other: ChannelStatus): ChannelStatus {
  const failures = [one.failure, other.failure].filter((failure) => failure !== undefined);
  const [failure] = failures.toSorted((one, other) => one.age - other.age);
  return {
    ...one,
    state: CHANNEL_STATES[Math.max(CHANNEL_STATES.indexOf(one.state), CHANNEL_STATES.indexOf(other.state))]!,
    associations: one.associations + other.associations,
    sent: one.sent + other.sent,
    received: one.received + other.received,
    rateOut: one.rateOut + other.rateOut,
    rateIn: one.rateIn + other.rateIn,
    behindOut: Math.max(one.behindOut, other.behindOut),
    behindIn: Math.max(one.behindIn, other.behindIn),
    away: one.away + other.away,
    broken: one.broken + other.broken,
    rejoined: one.rejoined + other.rejoined,
    lying: one.lying + other.lying,
    lies: one.lies + other.lies,
    failures: one.failures + other.failures,
    ...failure !== undefined && { failure },
  };
}

/** Adds rates, aligned at the last sample. @param all The history of each event loop, at least one. */
export function sumHistories(all: readonly History[]): History {
  const longest = Math.max(...all.map(({ length }) => length));
  return Array.from({ length: longest }, (_, at) => {
    const samples = all.flatMap((history) => history[history.length - longest + at] ?? []);
    return [...Map.groupBy(samples, keyOf).values()].map((same) => ({
      ...same[0]!,
      rateOut: total(same.map(({ rateOut }) => rateOut)),
      rateIn: total(same.map(({ rateIn }) => rateIn)),
    }));
  });
}

function keyOf({ server, address }: Pick<ChannelStatus, "server" | "address">): string {
  return `${server} ${address}`;
}

function addDatagrams(all: readonly DatagramTotals[]): DatagramTotals {
  const carried = all.map(({ dropped: _dropped, ...carried }) => carried);
  return { ...addRecords(carried), dropped: addRecords(all.map(({ dropped }) => dropped)) };
}

function addRecords<K extends string>(records: readonly Readonly<Record<K, number>>[]): Record<K, number> {
  const names = new Set(records.flatMap((record) => Object.keys(record) as K[]));
  const of = (name: K) => total(records.map((record) => record[name] ?? 0));
  return Object.fromEntries([...names].map((name) => [name, of(name)])) as Record<K, number>;
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
