import { DEFAULT_PORT, formatAddress, parsePort } from "../net/address.ts";
import { adminField } from "./admin.ts";
import {
  CHANNELS_BOUNDS,
  checkChannelCount,
  checkCovered,
  checkDistinctHosts,
  checkDistinctListeners,
  checkFixedPorts,
  checkPortRanges,
  repeated,
} from "./check.ts";
import { checkClients, clientsField } from "./clients.ts";
import {
  checkThreshold,
  logGroup,
  paddingField,
  padsField,
  streamLimits,
  thresholdField,
  timeoutsGroup,
  workersField,
} from "./common.ts";
import { checkAnnounced, serverIdentifySchema } from "./identify.ts";
import { HOST_PATTERN, PORT_PATTERN, textSchema } from "./json_schema.ts";
import { type Problems, quote } from "./problems.ts";
import type { Spec } from "./read.ts";
import { rulesField, serverRulesSchema } from "./rules.ts";
import type { Group, Schema } from "./schema.ts";
import { list, map, scalar } from "./shape.ts";
import { serverStateField } from "./state.ts";
import { addressSyntax, booleanSyntax, checkPort, countSyntax, type PairSyntax, parseSocketAddress } from "./syntax.ts";
import type { ServerConfig, ServerLimits, Target } from "./types.ts";

/** Patterns of a target's port and address, for editors. */
const PORTS = String.raw`\*|${PORT_PATTERN}`, UDP_TARGET = `${HOST_PATTERN}(:${PORT_PATTERN})?`;
const TARGET = `${UDP_TARGET}(,proxy)?`;

/** Fewest and most open streams of an association; clients assume the fewest at first; see docs/PROTOCOL.md. */
const MIN_STREAMS = 128, MAX_STREAMS = 65_536;

/** Stands for a missing port in a target's address. */
const SAME = -1;

/**
 * A target: `80=127.0.0.1:8080`, `*=127.0.0.1:9000`. Without a port, the requested one is used. With `,proxy` appended,
 * connections begin with a PROXY header.
 */
export const targetSyntax: PairSyntax<Target> = {
  placeholder: "PORT=HOST[:PORT][,proxy]",
  means: "a port, or * for all others, and the target's address or name, with a port if it differs: " +
    "80=127.0.0.1:8080, *=10.0.0.2, 443=[2001:db8::80]:8443,proxy",
  schema: textSchema(`(${PORTS})=${TARGET}`),
  keySchema: textSchema(PORTS),
  valueSchema: textSchema(TARGET),
  parse(text) {
    const match = /^([^=]*)=(.+)$/s.exec(text);
    if (match === null) {
      throw new SyntaxError(`not a target: ${quote(text)}; write PORT=HOST:PORT, PORT=HOST or *=HOST`);
    }
    const [, from = ""] = match;
    const [to = "", ...extras] = match[2]!.split(",");
    if (extras.length > 1 || extras.some((extra) => extra !== "proxy")) {
      throw new SyntaxError(`unknown target option: ${quote(text)}; only ,proxy may follow the address`);
    }
    const { host, port } = parseSocketAddress(to, SAME);
    return {
      port: from === "*" ? "*" : checkPort(parsePort(from), from),
      host,
      toPort: port === SAME ? "same" : checkPort(port, to),
      ...extras.length > 0 && { proxy: true },
    };
  },
  format({ port, host, toPort, proxy }) {
    const to = toPort === "same"
      ? formatAddress({ host, port: 0 }).slice(0, -2)
      : formatAddress({ host, port: toPort });
    return `${port}=${to}${proxy ? ",proxy" : ""}`;
  },
};

/** A target of datagrams: without `,proxy`. */
const udpTargetSyntax: PairSyntax<Target> = {
  ...targetSyntax,
  placeholder: "PORT=HOST[:PORT]",
  means: "a port, or * for all others, and the target's address or name, with a port if it differs: " +
    "53=127.0.0.1, 51820=10.0.0.2:51821",
  schema: textSchema(`(${PORTS})=${UDP_TARGET}`),
  valueSchema: textSchema(UDP_TARGET),
  parse(text) {
    const target = targetSyntax.parse(text);
    if (target.proxy) throw new SyntaxError(`datagrams have no PROXY header: ${quote(text)}; leave ,proxy out`);
    return target;
  },
};

const limitsGroup: Group<ServerLimits> = {
  key: "limits",
  fields: {
    waiting: {
      key: "waiting",
      shape: scalar(countSyntax()),
      example: "1000",
      doc: "Maximum number of connections not associated yet; default: a quarter of the limit on open files",
    },
    waitingPerSource: {
      key: "waiting-per-source",
      shape: scalar(countSyntax()),
      example: "100",
      doc: "The same per source, an IPv4 address or an IPv6 /64 network; default: a quarter of limits.waiting",
    },
    associations: {
      key: "associations",
      shape: scalar(countSyntax()),
      example: "5000",
      doc:
        "Maximum number of associations, with or without sessions; default: as many as the limit on open files allows",
    },
    sessions: {
      key: "sessions",
      shape: scalar(countSyntax()),
      example: "5000",
      doc:
        "Maximum number of concurrent sessions of all clients, flows of datagrams included; default: as many as the " +
        "limit on open files allows",
    },
    sessionsPerSource: {
      key: "sessions-per-source",
      shape: scalar(countSyntax()),
      example: "1000",
      doc: "The same per source, an IPv4 address or an IPv6 /64 network; default: limits.sessions",
    },
    sessionsPerClient: {
      key: "sessions-per-client",
      shape: scalar(countSyntax()),
      example: "1000",
      doc: "The same per client that has proved its identity; default: limits.sessions",
    },
    streams: {
      key: "streams",
      shape: scalar(countSyntax(MIN_STREAMS, MAX_STREAMS)),
      default: 4096,
      doc: "Maximum number of concurrent sessions of one association, flows of datagrams included",
    },
    ...streamLimits,
    acceptRate: {
      key: "accept-rate",
      shape: scalar(countSyntax(0)),
      example: "200",
      doc: "Maximum connections per second from one source, after a burst of ten times as many; 0: no limit; " +
        "default: 2000",
    },
  },
};

const schema: Schema<ServerConfig> = {
  channels: {
    key: "channels",
    flag: "channel",
    shape: list(addressSyntax({ defaultPort: DEFAULT_PORT, listen: true }), CHANNELS_BOUNDS),
    default: [],
    example: "[192.0.2.10, 198.51.100.10]",
    doc: `Addresses to listen at for channels, 2 to 16; default port: ${DEFAULT_PORT}`,
  },
  targets: {
    key: "targets",
    flag: "target",
    shape: map(targetSyntax),
    default: [],
    example: "{ 80: 127.0.0.1:8080 }",
    doc: "Target of sessions for a port; '*' is every other port; without a port, the requested one is kept; " +
      ",proxy sends a PROXY header",
  },
  udpTargets: {
    key: "udp-targets",
    flag: "udp-target",
    shape: map(udpTargetSyntax),
    default: [],
    example: "{ 53: 127.0.0.1 }",
    doc: "Target of UDP datagrams for a port, as targets; best effort, on UDP at the channels' addresses and ports",
  },
  distinctAddresses: {
    key: "distinct-addresses",
    shape: scalar(booleanSyntax),
    default: true,
    doc: "Refuse associations with two channels at one local address; false where a load balancer " +
      "maps several public addresses to one, as Kubernetes Services do",
  },
  ...serverIdentifySchema,
  clients: clientsField,
  state: serverStateField,
  rules: rulesField(serverRulesSchema),
  workers: workersField(
    "Event loops that share the associations, up to one per core; each listens one port above the previous one",
  ),
  pads: padsField,
  padding: paddingField,
  threshold: thresholdField,
  limits: limitsGroup,
  timeouts: timeoutsGroup,
  admin: adminField,
  log: logGroup,
};

function check(config: ServerConfig, problems: Problems): void {
  const { channels, targets, udpTargets, distinctAddresses, limits, workers } = config;
  checkThreshold(config.threshold, channels, (message) => problems.atSetting(config, "threshold", message));
  checkChannelCount(channels, channels, problems);
  if (distinctAddresses) checkDistinctHosts(channels, problems);
  else checkDistinctListeners(channels, problems);
  checkCovered(channels, problems);
  if (workers > 1) {
    checkFixedPorts(channels, problems);
    checkPortRanges(channels, workers, problems);
  }
  checkAnnounced(config, problems);
  checkClients(config.clients, problems);
  if (targets.length + udpTargets.length === 0) {
    problems.at(targets, "no target; give at least one, such as 80=127.0.0.1:8080");
  }
  for (const [key, value] of [["waiting", limits.waiting], ["waiting-per-source", limits.waitingPerSource]] as const) {
    if (value === undefined || value >= channels.length) continue;
    problems.at(
      limits,
      `${key} is ${value}, but one association needs ${channels.length}; give ${channels.length} or more`,
    );
  }
  for (const list of [targets, udpTargets]) {
    for (const target of repeated(list, ({ port }) => String(port))) {
      problems.at(target, `port ${target.port} has two targets; give each port only one`);
    }
  }
}

/** The configuration of `micss server`. */
export const serverSpec: Spec<ServerConfig> = {
  schema,
  side: "server",
  elsewhere: new Map([["shares", "give it to micss client, which chooses: a server takes full and short shares"]]),
  check,
};

/** The configuration of `micss rules` for a server: that of `micss server`, with flags for the rules. */
export const serverRulesSpec: Spec<ServerConfig> = {
  ...serverSpec,
  schema: { ...schema, rules: { key: "rules", fields: serverRulesSchema } },
};
