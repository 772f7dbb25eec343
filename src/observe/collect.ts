import { SHARES, type Shares } from "../association/association_options.ts";
import { droppedOf } from "../datagrams/counts.ts";
import { bufferBytes } from "../net/buffer_pool.ts";
import { formatAddress } from "../net/address.ts";
import { clientsOf } from "./clients.ts";
import { channelLevels } from "./channel_levels.ts";
import type { Distribution, Labels, Metric, Sample, Tally } from "./metrics.ts";
import type { Observable } from "./observable.ts";
import { type ProcessState, processState } from "./process_state.ts";

/** Metrics that the handler itself doesn't know. */
export interface CollectOptions {
  /** The program's version. */
  readonly version: string;
  /** Delay of timers, in seconds. */
  readonly loopLag: number;
}

/** Collects the current metrics of a handler and its process, which docs/guide/monitoring.md lists. */
export function collect(handler: Observable, { version, loopLag }: CollectOptions): Metric[] {
  const { role } = handler;
  return [
    one("gauge", "micss_info", "Version and role of the handler.", 1, { version, role }),
    ...sessions(handler),
    ...associations(handler),
    ...channels(handler),
    ...datagrams(handler),
    ...limits(handler),
    gauge(
      "micss_rules_in_place",
      "1 if firewall rules redirect applications' connections to the handler, 0 if they no longer do.",
      levelSamples(handler.levels().rules),
    ),
    ...processMetrics(processState()),
    one("gauge", "micss_event_loop_lag_seconds", "Delay of the last timer.", loopLag),
  ];
}

function sessions({ activity }: Observable): Metric[] {
  return [
    one("gauge", "micss_sessions", "Open sessions.", activity.sessions.size),
    one(
      "gauge",
      "micss_streams",
      "Open streams of associations, one for each session that they carry.",
      activity.streams,
    ),
    counted("micss_sessions_total", "Finished sessions, by outcome.", "outcome", activity.ended),
    counted("micss_session_resets_total", "Reset sessions, by cause.", "cause", activity.resets),
    counted("micss_refusals_total", "Refused connections, by reason.", "reason", activity.refusals),
    {
      name: "micss_session_duration_seconds",
      help: "Duration of finished sessions.",
      type: "histogram",
      histogram: snapshot(activity.sessionSeconds),
    },
    one(
      "counter",
      "micss_credit_waits_total",
      "Times that a stream had bytes to send and no credit.",
      activity.creditWaits,
    ),
  ];
}

function associations(handler: Observable): Metric[] {
  const { activity } = handler;
  const { waiting, pool } = handler.levels();
  const handshakes = "Handshakes by outcome: per association on a client, per connection on a server.";
  return [
    one("gauge", "micss_associations", "Open associations.", activity.associations.size),
    gauge(
      "micss_association_shares",
      "Open associations by the length of their shares: full, that of the data, or short.",
      SHARES.map((shares) => ({ labels: { shares }, value: withShares(activity, shares) })),
    ),
    one("counter", "micss_associations_total", "Associations made.", activity.associated),
    one(
      "counter",
      "micss_refused_records_total",
      "Records with a wrong tag, hash or length; each ended its association.",
      activity.refusedRecords,
    ),
    one("counter", "micss_padding_bytes_total", "Bytes of padding sent, before they are shared.", activity.padding),
    counted("micss_handshakes_total", handshakes, "outcome", activity.handshakes),
    {
      name: "micss_handshake_duration_seconds",
      help: "Duration of successful handshakes.",
      type: "histogram",
      histogram: snapshot(activity.handshakeSeconds),
    },
    gauge(
      "micss_waiting_connections",
      "A server's connections waiting for the rest of their association.",
      waiting === undefined ? [] : [{ value: waiting }],
    ),
    gauge(
      "micss_pool_associations",
      "A client's associations: without a stream, with streams, being made ahead of demand.",
      Object.entries(pool ?? {}).map(([state, value]) => ({ labels: { state }, value })),
    ),
    counted(
      "micss_authentications_total",
      "Authentications of clients, by outcome.",
      "outcome",
      activity.authentications,
    ),
    gauge(
      "micss_client_sessions",
      "Open sessions of each client that has proved its identity.",
      clientsOf(activity).map(({ name, sessions }) => ({ labels: { client: name }, value: sessions })),
    ),
    counted("micss_identify_exchanges_total", "Identification requests, by outcome.", "outcome", activity.identified),
  ];
}

function withShares({ associations }: Observable["activity"], shares: Shares): number {
  return associations.keys().reduce((count, one) => one.shares === shares ? count + 1 : count, 0);
}

function channels(handler: Observable): Metric[] {
  const { activity } = handler, { routes = [] } = handler.levels();
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
      help: "Share bytes carried by a channel, to and from the other handler.",
      type: "counter",
      samples: both(({ sent, received }) => [sent, received]),
    },
    gauge(
      "micss_channel_behind_bytes",
      "Bytes by which a channel trails the foremost channel, in its worst association.",
      both(({ behindOut, behindIn }) => [behindOut, behindIn]),
    ),
    gauge(
      "micss_channel_associations",
      "Open associations that use a channel.",
      levels.map(({ labels, associations }) => ({ labels, value: associations })),
    ),
    gauge(
      "micss_channel_kept_apart",
      "1 if routes keep a channel on its own link, 0 if its packets may take another.",
      levels.flatMap(({ labels, record }) =>
        routes.filter(({ server, channel }) => server === record.server && channel === record.index)
          .map(({ kept }) => ({ labels, value: Number(kept) }))
      ),
    ),
    {
      name: "micss_channel_failures_total",
      help: "Associations that a channel ended or prevented.",
      type: "counter",
      samples: levels.map(({ labels, record }) => ({ labels, value: record.failures })),
    },
    gauge(
      "micss_channel_away",
      "Open associations that wait for a channel to be joined again.",
      levels.map(({ labels, away }) => ({ labels, value: away })),
    ),
    {
      name: "micss_channels_broken_total",
      help: "Times that a channel broke while its association waited for it.",
      type: "counter",
      samples: levels.map(({ labels, record }) => ({ labels, value: record.broken })),
    },
    {
      name: "micss_channels_rejoined_total",
      help: "Times that a broken channel was joined again.",
      type: "counter",
      samples: levels.map(({ labels, record }) => ({ labels, value: record.rejoined })),
    },
    {
      name: "micss_channel_lies_total",
      help: "Associations that gave a channel up, as it brought shares that were not sent.",
      type: "counter",
      samples: levels.map(({ labels, record }) => ({ labels, value: record.lies })),
    },
  ];
}

function datagrams({ activity }: Observable): Metric[] {
  const { datagrams: counts } = activity;
  const both = (out: number, into: number): Sample[] => [
    { labels: { direction: "out" }, value: out },
    { labels: { direction: "in" }, value: into },
  ];
  return [
    one("gauge", "micss_flows", "Open flows of datagrams, each of which is a session, too.", activity.flows),
    {
      name: "micss_datagrams_total",
      help: "Applications' datagrams carried to and from the other handler.",
      type: "counter",
      samples: both(counts.sent, counts.received),
    },
    {
      name: "micss_datagram_bytes_total",
      help: "Bytes of these datagrams' payloads.",
      type: "counter",
      samples: both(counts.sentBytes, counts.receivedBytes),
    },
    {
      name: "micss_datagrams_dropped_total",
      help: "Datagrams, and packets with a share of one, that were dropped, by reason.",
      type: "counter",
      samples: droppedOf(counts).map(([reason, value]) => ({ labels: { reason }, value })),
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
    gauge("micss_limit", "Configured maximum.", of(({ value }) => value)),
    gauge("micss_limit_used", "Current count of what is limited.", of(({ used }) => used)),
    {
      name: "micss_limit_hits_total",
      help: "Refusals because of a limit.",
      type: "counter",
      samples: [...hits].map(([limit, value]) => ({ labels: { limit }, value })),
    },
  ];
}

function processMetrics({ residentMemory, heap, external, openFiles, maxFiles, started }: ProcessState): Metric[] {
  const buffers = bufferBytes();
  const known = (value: number | null): Sample[] => value === null || !Number.isFinite(value) ? [] : [{ value }];
  return [
    one("gauge", "micss_process_resident_memory_bytes", "Resident memory of the process.", residentMemory),
    gauge(
      "micss_memory_bytes",
      "Memory of the event loops: V8's heap, memory outside it, and of that buffers in use and free.",
      [
        { labels: { kind: "heap" }, value: heap },
        { labels: { kind: "external" }, value: external },
        { labels: { kind: "buffers-used" }, value: buffers.inUse },
        { labels: { kind: "buffers-free" }, value: buffers.free },
      ],
    ),
    gauge("micss_process_open_files", "Open files of the process, including sockets.", known(openFiles)),
    gauge("micss_process_max_files", "Maximum number of open files.", known(maxFiles)),
    one(
      "gauge",
      "micss_process_start_time_seconds",
      "Start time of the process, in seconds since 1970.",
      started / 1000,
    ),
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

function snapshot({ bounds, cumulative, sum }: Distribution): Distribution {
  return { bounds, cumulative, sum };
}
