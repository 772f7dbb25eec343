import { DEFAULT_PORT, formatAddress, parseAddress, parsePort } from "../net/address.ts";
import { checkChannelCount, checkDistinctHosts, checkDistinctListeners, repeated } from "./check.ts";
import { logGroup, timeoutsGroup } from "./common.ts";
import { type Problems, quote } from "./problems.ts";
import type { Spec } from "./read.ts";
import type { Schema } from "./schema.ts";
import { list, map, one } from "./shape.ts";
import { addressSyntax, booleanSyntax, checkPort, type Syntax } from "./syntax.ts";
import type { ServerConfig, Target } from "./types.ts";

/** Marks a target's address that names no port. */
const SAME = -1;

/** A target: `80=127.0.0.1:8080`, `*=127.0.0.1:9000`; without a port the one that the application asked for. */
export const targetSyntax: Syntax<Target> = {
  placeholder: "PORT=HOST[:PORT]",
  parse(text) {
    const match = /^([^=]*)=(.+)$/s.exec(text);
    if (match === null) {
      throw new SyntaxError(`${quote(text)} is no target; write PORT=HOST:PORT, PORT=HOST or *=HOST`);
    }
    const [, from = "", to = ""] = match;
    const { host, port } = parseAddress(to, SAME);
    return {
      port: from === "*" ? "*" : checkPort(parsePort(from), from),
      host,
      toPort: port === SAME ? "same" : checkPort(port, to),
    };
  },
  format({ port, host, toPort }) {
    const to = toPort === "same"
      ? formatAddress({ host, port: 0 }).slice(0, -2)
      : formatAddress({ host, port: toPort });
    return `${port}=${to}`;
  },
};

const schema: Schema<ServerConfig> = {
  channels: {
    key: "channels",
    flag: "channel",
    shape: list(addressSyntax({ defaultPort: DEFAULT_PORT, listen: true })),
    default: [],
    doc: `Where channels arrive: 2 to 16 addresses; port ${DEFAULT_PORT} where none is given`,
  },
  targets: {
    key: "targets",
    flag: "target",
    shape: map(targetSyntax),
    default: [],
    doc: "Where sessions for a port go; '*' is every other port; without a port it stays the same",
  },
  distinctAddresses: {
    key: "distinct-addresses",
    shape: one(booleanSyntax),
    default: true,
    doc: "Refuse an association of which two channels arrive at one address; off only for tests",
  },
  timeouts: timeoutsGroup,
  log: logGroup,
};

function check({ channels, targets, distinctAddresses }: ServerConfig, problems: Problems): void {
  checkChannelCount(channels, channels, problems);
  if (distinctAddresses) checkDistinctHosts(channels, problems);
  else checkDistinctListeners(channels, problems);
  if (targets.length === 0) problems.at(targets, "no target; give at least one, such as 80=127.0.0.1:8080");
  for (const target of repeated(targets, ({ port }) => String(port))) {
    problems.at(target, `port ${target.port} has a target already; give each port one`);
  }
}

/** The configuration of `micss server`. */
export const serverSpec: Spec<ServerConfig> = { schema, check };
