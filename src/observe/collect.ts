import { bufferBytes } from "../net/buffer_pool.ts";
import { formatAddress } from "../net/address.ts";
import { channelLevels } from "./channel_levels.ts";
import type { Distribution, Labels, Metric, Sample, Tally } from "./metrics.ts";
import type { Observable } from "./observable.ts";
import { type ProcessState, processState } from "./process_state.ts";

/** What a scrape is told beside what the handler knows. */
export interface Surroundings {
  /** The program's version. */
  readonly version: string;
  /** How late timers are, in seconds. */
  readonly loopLag: number;
}

/** All metrics of a handler and its process, as they are now; docs/OPERATIONS.md lists them. */
export function collect(handler: Observable, { version, loopLag }: Surroundings): Metric[] {
  const { role } = handler;
  return [
    one("gauge", "micss_info", "The version of the program, and which handler it is.", 1, { version, role }),
    ...sessions(handler),
    ...associations(handler),
    ...channels(handler),
    ...limits(handler),
    gauge(
      "micss_rules_in_place",
      "Whether rules lead applications' connections to the handler, where it can tell.",
      levelSamples(handler.levels().rules),
    ),
    ...processMetrics(processState()),
    one("gauge", "micss_event_loop_lag_seconds", "How late the last timer was.", loopLag),
  ];
}

function sessions({ activity }: Observable): Metric[] {
  return [
    one("gauge", "micss_sessions", "Sessions under way.", activity.sessions.size),
    counted("micss_sessions_total", "Sessions that are over, by how they ended.", "outcome", activity.ended),
    counted("micss_session_resets_total", "Sessions that were reset, by cause.", "cause", activity.resets),
    counted("micss_refusals_total", "Connections that became no session, by reason.", "reason", activity.refusals),
    {
      name: "micss_session_duration_seconds",
      help: "How long sessions that are over were.",
      type: "histogram",
      histogram: now(activity.sessionSeconds),
    },
  ];
}

function associations(handler: Observable): Metric[] {
  const { activity } = handler;
  const { waiting, pool } = handler.levels();
  const handshakes = "Handshakes by outcome: of associations on a client, of single connections on a server.";
  return [
    one("gauge", "micss_associations", "Associations that are not over.", activity.associations.size),
    one("counter", "micss_associations_total", "Associations that came about.", activity.associated),
    counted("micss_handshakes_total", handshakes, "outcome", activity.handshakes),
    {
      name: "micss_handshake_duration_seconds",
      help: "How long handshakes that ended in an association took.",
      type: "histogram",
      histogram: now(activity.handshakeSeconds),
    },
    gauge(
      "micss_waiting_connections",
      "Connections in no association yet.",
      waiting === undefined ? [] : [
        { value: waiting },
      ],
    ),
    gauge(
      "micss_pool_associations",
      "A client's associations by state.",
      Object.entries(pool ?? {}).map(([state, value]) => ({ labels: { state }, value })),
    ),
    counted("micss_identify_exchanges_total", "Questions for channels, by outcome.", "outcome", activity.identified),
  ];
}

function channels({ activity }: Observable): Metric[] {
  const levels = channelLevels(activity).map((level) => {
    const { server, index, address } = level.record;
    return { ...level, labels: { server, channel: String(index), address: formatAddress(address) } };
  });
  const both = (of: (level: typeof levels[number]) => [out: number, into: number]): Sample[] =>
    levels.flatMap((level) => {
      const [out, into] = of(level);
      return [
        { labels: { ...level.labels, direction: "out" }, value: out },
        { labels: { ...level.labels, direction: "in" }, value: into },
      ];
    });
  return [
    {
      name: "micss_channel_bytes_total",
      help: "Bytes that a channel carried: shares, from and to the other handler.",
      type: "counter",
      samples: both(({ sent, received }) => [sent, received]),
    },
    gauge(
      "micss_channel_behind_bytes",
      "Bytes that a channel is behind its association's foremost, in the association where that is most.",
      both(({ behindOut, behindIn }) => [behindOut, behindIn]),
    ),
    gauge(
      "micss_channel_associations",
      "Associations that a channel is part of.",
      levels.map(({ labels, associations }) => ({ labels, value: associations })),
    ),
    {
      name: "micss_channel_failures_total",
      help: "How often a channel ended an association, or kept one from coming about.",
      type: "counter",
      samples: levels.map(({ labels, record }) => ({ labels, value: record.failures })),
    },
  ];
}

function limits(handler: Observable): Metric[] {
  const { limits } = handler.levels();
  const { limitHits } = handler.activity;
  const of = (value: (limit: typeof limits[number]) => number) =>
    limits.map((limit) => ({ labels: { limit: limit.name }, value: value(limit) }));
  const hits = new Map([...limits.map(({ name }) => [name, 0] as const), ...limitHits.entries()]);
  return [
    gauge("micss_limit", "The most that there may be of something.", of(({ value }) => value)),
    gauge("micss_limit_used", "How many there are of something that is limited.", of(({ used }) => used)),
    {
      name: "micss_limit_hits_total",
      help: "How often a limit kept something from happening.",
      type: "counter",
      samples: [...hits].map(([limit, value]) => ({ labels: { limit }, value })),
    },
  ];
}

function processMetrics({ residentMemory, heap, external, openFiles, maxFiles, started }: ProcessState): Metric[] {
  const buffers = bufferBytes();
  const known = (value: number | null): Sample[] => value === null || !Number.isFinite(value) ? [] : [{ value }];
  return [
    one("gauge", "micss_process_resident_memory_bytes", "Memory that the process holds.", residentMemory),
    gauge(
      "micss_memory_bytes",
      "Memory of the event loops: V8's heap, what is outside of it, and free buffers of that.",
      [
        { labels: { kind: "heap" }, value: heap },
        { labels: { kind: "external" }, value: external },
        { labels: { kind: "buffers-used" }, value: buffers.inUse },
        { labels: { kind: "buffers-free" }, value: buffers.free },
      ],
    ),
    gauge("micss_process_open_files", "Files that the process has open, sockets among them.", known(openFiles)),
    gauge("micss_process_max_files", "Files that the process may have open.", known(maxFiles)),
    one("gauge", "micss_process_start_time_seconds", "When the process began, in seconds since 1970.", started / 1000),
  ];
}

function levelSamples(level: boolean | undefined): Sample[] {
  return level === undefined ? [] : [{ value: Number(level) }];
}

function one(type: "counter" | "gauge", name: string, help: string, value: number, labels: Labels = {}): Metric {
  return { name, help, type, samples: [{ labels, value }] };
}

function gauge(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, help, type: "gauge", samples };
}

function counted(name: string, help: string, label: string, tally: Tally): Metric {
  const samples = tally.entries().map(([key, value]) => ({ labels: { [label]: key }, value }));
  return { name, help, type: "counter", samples };
}

/** As it is now, and stays. */
function now({ bounds, cumulative, sum }: Distribution): Distribution {
  return { bounds, cumulative, sum };
}
