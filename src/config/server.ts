import { DEFAULT_PORT, formatAddress, parseAddress, parsePort } from "../net/address.ts";
import { adminField } from "./admin.ts";
import {
  CHANNELS_BOUNDS,
  checkChannelCount,
  checkDistinctHosts,
  checkDistinctListeners,
  checkFixedPorts,
  checkPortRanges,
  repeated,
} from "./check.ts";
import { logGroup, padsField, timeoutsGroup, workersField } from "./common.ts";
import { checkAnnounced, serverIdentifySchema } from "./identify.ts";
import { HOST_PATTERN, PORT_PATTERN, textSchema } from "./json_schema.ts";
import { type Problems, quote } from "./problems.ts";
import type { Spec } from "./read.ts";
import { forRulesOnly, serverRulesSchema } from "./rules.ts";
import type { Group, Schema } from "./schema.ts";
import { list, map, one } from "./shape.ts";
import { addressSyntax, booleanSyntax, checkPort, countSyntax, type PairSyntax } from "./syntax.ts";
import type { ServerConfig, ServerLimits, Target } from "./types.ts";

/** Which ports a target is for, and where it is, for editors. */
const PORTS = String.raw`\*|${PORT_PATTERN}`, TARGET = `${HOST_PATTERN}(:${PORT_PATTERN})?(,proxy)?`;

/** Marks a target's address that names no port. */
const SAME = -1;

/**
 * A target: `80=127.0.0.1:8080`, `*=127.0.0.1:9000`; without a port the one that the application asked for. With `,proxy`
 * behind it, it gets a PROXY header.
 */
export const targetSyntax: PairSyntax<Target> = {
  placeholder: "PORT=HOST[:PORT][,proxy]",
  means:
    "a port, or * for every other, and the address or name that it leads to, with a port unless it stays the same: " +
    "80=127.0.0.1:8080, *=10.0.0.2, 443=[2001:db8::80]:8443,proxy",
  schema: textSchema(`(${PORTS})=${TARGET}`),
  keySchema: textSchema(PORTS),
  valueSchema: textSchema(TARGET),
  parse(text) {
    const match = /^([^=]*)=(.+)$/s.exec(text);
    if (match === null) {
      throw new SyntaxError(`${quote(text)} is no target; write PORT=HOST:PORT, PORT=HOST or *=HOST`);
    }
    const [, from = ""] = match;
    const [to = "", ...extras] = match[2]!.split(",");
    if (extras.length > 1 || extras.some((extra) => extra !== "proxy")) {
      throw new SyntaxError(`${quote(text)} has more than a target; all that may follow it is ,proxy`);
    }
    const { host, port } = parseAddress(to, SAME);
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

const limitsGroup: Group<ServerLimits> = {
  key: "limits",
  fields: {
    waiting: {
      key: "waiting",
      shape: one(countSyntax()),
      example: "1000",
      doc: "Connections in no association yet, in all; a quarter of the open files allowed where not given",
    },
    waitingPerSource: {
      key: "waiting-per-source",
      shape: one(countSyntax()),
      example: "100",
      doc: "The same from one address (of IPv6, one network of 64 bits); a quarter of all where not given",
    },
    associations: {
      key: "associations",
      shape: one(countSyntax()),
      example: "5000",
      doc: "Associations, and so sessions, at once; as many as the open files allow where not given",
    },
    acceptRate: {
      key: "accept-rate",
      shape: one(countSyntax(0)),
      example: "200",
      doc:
        "Connections from one source a second, after a burst of ten times that; 0 is any number; 2000 where not given",
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
    doc: `Where channels arrive: 2 to 16 addresses; port ${DEFAULT_PORT} where none is given`,
  },
  targets: {
    key: "targets",
    flag: "target",
    shape: map(targetSyntax),
    default: [],
    example: "{ 80: 127.0.0.1:8080 }",
    doc: "Where sessions for a port go; '*' is every other port; without a port it stays the same; " +
      ",proxy sends a PROXY header",
  },
  distinctAddresses: {
    key: "distinct-addresses",
    shape: one(booleanSyntax),
    default: true,
    doc: "Refuse an association of which two channels arrive at one address; off where " +
      "different public addresses lead to one address here, as those of Kubernetes' Services do",
  },
  ...serverIdentifySchema,
  rules: forRulesOnly(serverRulesSchema),
  workers: workersField(
    "Event loops that share the work: one for each core; the second listens one port above, and so on",
  ),
  pads: padsField,
  limits: limitsGroup,
  timeouts: timeoutsGroup,
  admin: adminField,
  log: logGroup,
};

function check(config: ServerConfig, problems: Problems): void {
  const { channels, targets, distinctAddresses, limits, workers } = config;
  checkChannelCount(channels, channels, problems);
  if (distinctAddresses) checkDistinctHosts(channels, problems);
  else checkDistinctListeners(channels, problems);
  if (workers > 1) {
    checkFixedPorts(channels, problems);
    checkPortRanges(channels, workers, problems);
  }
  checkAnnounced(config, problems);
  if (targets.length === 0) problems.at(targets, "no target; give at least one, such as 80=127.0.0.1:8080");
  for (const [key, value] of [["waiting", limits.waiting], ["waiting-per-source", limits.waitingPerSource]] as const) {
    if (value === undefined || value >= channels.length) continue;
    problems.at(limits, `${key} ${value} has no room for an association; give ${channels.length} or more`);
  }
  for (const target of repeated(targets, ({ port }) => String(port))) {
    problems.at(target, `port ${target.port} has a target already; give each port one`);
  }
}

/** The configuration of `micss server`. */
export const serverSpec: Spec<ServerConfig> = { schema, check };

/** The configuration of `micss rules` for a server: the same, with its own settings. */
export const serverRulesSpec: Spec<ServerConfig> = {
  schema: { ...schema, rules: { key: "rules", fields: serverRulesSchema } },
  check,
};
