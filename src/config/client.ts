import {
  type ChannelAddress,
  DEFAULT_PORT,
  formatAddress,
  formatChannel,
  parseAddress,
  parsePort,
} from "../net/address.ts";
import { SHARES, type Shares } from "../association/association_options.ts";
import { adminField } from "./admin.ts";
import { CHANNEL_PATTERN, channelSyntax, checkDistinctWays } from "./channel.ts";
import {
  CHANNELS_BOUNDS,
  checkChannelCount,
  checkDistinctHosts,
  checkDistinctListeners,
  checkFixedPorts,
  repeated,
} from "./check.ts";
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
import { checkEstimates, estimatesField } from "./estimate.ts";
import { checkUsers, ingressSchema } from "./ingress.ts";
import { clientIdentifySchema, isLearnable } from "./identify.ts";
import { HOST_PATTERN, PORT_PATTERN, textSchema } from "./json_schema.ts";
import { suggestion } from "./nearest.ts";
import type { Node } from "./node.ts";
import { type Problems, quote } from "./problems.ts";
import { readSettings, type Spec } from "./read.ts";
import { clientRulesSchema, rulesField } from "./rules.ts";
import type { Field, Group, Schema } from "./schema.ts";
import { list, map, scalar } from "./shape.ts";
import { clientStateField } from "./state.ts";
import {
  checkPort,
  countOrWordSyntax,
  countSyntax,
  type PairSyntax,
  parseSocketAddress,
  pathSyntax,
  portSyntax,
  type Syntax,
  wordSyntax,
} from "./syntax.ts";
import type { ClientConfig, ClientLimits, Forward, Server } from "./types.ts";

/** Maximum number of associations with one server. */
const MAX_ASSOCIATIONS = 64;

/** Patterns of a server's name and channels, for editors. */
const NAME = String.raw`[a-zA-Z0-9][a-zA-Z0-9.\-]*`;
const CHANNELS = String.raw`\s*${CHANNEL_PATTERN}\s*(,\s*${CHANNEL_PATTERN}\s*)*`;

/** A server: `web=192.0.2.10,198.51.100.10:6522`. Its ports can be set in the file only. */
export const serverSyntax: PairSyntax<Server> = {
  placeholder: "NAME=HOST[:PORT],HOST[:PORT]...",
  means: "a name of your choice, and the hosts of its channels, each with its way if need be: " +
    "web=192.0.2.10,[2001:db8::10],host.example, web=192.0.2.10 via wlan0,198.51.100.10 via lte0",
  schema: textSchema(`${NAME}=${CHANNELS}`),
  keySchema: textSchema(NAME),
  valueSchema: textSchema(CHANNELS),
  parse(text) {
    const match = /^([^=]*)=(.+)$/s.exec(text);
    if (match === null) throw new SyntaxError(`not a server: ${quote(text)}; write NAME=HOST,HOST`);
    const [, name = "", channels = ""] = match;
    return { name: checkName(name), channels: channels.split(",").map((part) => channelSyntax.parse(part.trim())) };
  },
  format: ({ name, channels }) => `${name}=${channels.map(formatChannel).join(",")}`,
};

/** A forward: `127.0.0.1:8080=web:80`. */
export const forwardSyntax: Syntax<Forward> = {
  placeholder: "HOST:PORT=NAME:PORT",
  means: "an address to listen at, and a port behind a server, given by name or address: 127.0.0.1:8080=web:80",
  schema: textSchema(`${HOST_PATTERN}:${PORT_PATTERN}=${HOST_PATTERN}:${PORT_PATTERN}`),
  parse(text) {
    const match = /^([^=]*)=(?:\[([^\]]*)\]|([^:]*)):([^:]*)$/.exec(text);
    if (match === null) throw new SyntaxError(`not a forward: ${quote(text)}; write HOST:PORT=NAME:PORT`);
    const [, listen = "", ipv6, name = "", port = ""] = match;
    const server = ipv6 === undefined ? checkName(name) : parseAddress(`[${ipv6}]:${port}`).host;
    return { listen: parseSocketAddress(listen), server, port: checkPort(parsePort(port), port) };
  },
  format: ({ listen, server, port }) => `${formatAddress(listen)}=${formatAddress({ host: server, port })}`,
};

const channelsField: Field<readonly ChannelAddress[]> = {
  key: "channels",
  shape: list(channelSyntax, CHANNELS_BOUNDS),
  default: [],
  example: "[192.0.2.10, 198.51.100.10]",
  doc: "The server's channels, 2 to 16 addresses",
};

/** The setting as one of a server, for which it has no flag, and no other default than that of all servers. */
function ofServer<T>({ flag: _flag, default: _default, ...field }: Field<T>): Field<T> {
  return { ...field, doc: `As ${field.key}, for this server` };
}

/** `shares` of a client, and of `micss bench` and `micss plan`. */
export const sharesField: Field<Shares> = {
  key: "shares",
  flag: "shares",
  shape: scalar(wordSyntax("shares", SHARES)),
  default: "full",
  example: "short",
  doc:
    "Length of shares where all channels are needed; full: that of the data; short: for n channels an n-th of that, " +
    "as what exceeds 1 KiB is encrypted with ChaCha20 and divided; servers take both; datagrams: always full",
};

/** Settings of one server, for the long form of the file. */
const serverEntrySchema: Schema<Omit<Server, "name" | "joined">> = {
  channels: channelsField,
  ports: {
    key: "ports",
    shape: list(portSyntax),
    example: "[80, 443]",
    doc: "Ports served to redirected connections; default: all",
  },
  key: {
    key: "key",
    shape: scalar(pathSyntax),
    example: "web.key.pub",
    doc: "Key that the server must prove to have: its public half, or an HMAC key of this client and server alone",
  },
  threshold: ofServer(thresholdField),
  shares: ofServer(sharesField),
  estimates: estimatesField,
};

const limitsGroup: Group<ClientLimits> = {
  key: "limits",
  fields: {
    sessions: {
      key: "sessions",
      shape: scalar(countSyntax()),
      example: "1000",
      doc:
        "Maximum number of concurrent sessions, flows of datagrams included; default: as many as the limit on open " +
        "files allows",
    },
    ...streamLimits,
  },
};

const schema: Schema<ClientConfig> = {
  servers: {
    key: "servers",
    flag: "server",
    shape: map(serverSyntax, { key: "NAME", schema: serverEntrySchema, short: channelsField.shape, read: readServer }),
    default: [],
    example: "{ web: [192.0.2.10, 198.51.100.10] }",
    doc: `A server and the 2 to 16 addresses of its channels; default port: ${DEFAULT_PORT}`,
  },
  ...clientIdentifySchema,
  clientKey: {
    key: "client-key",
    flag: "client-key",
    shape: scalar(pathSyntax),
    example: "client.key",
    doc: "Ed25519 key that proves this client's identity to servers whose keys it has; see micss help keygen",
  },
  state: clientStateField,
  forwards: {
    key: "forward",
    flag: "forward",
    shape: list(forwardSyntax),
    default: [],
    example: "[127.0.0.1:8080=web:80]",
    doc: "Forward connections to this address to a port behind a server",
  },
  udpForwards: {
    key: "udp-forward",
    flag: "udp-forward",
    shape: list(forwardSyntax),
    default: [],
    example: "[127.0.0.1:5353=web:53]",
    doc: "Forward UDP datagrams to this address to a port behind a server, best effort",
  },
  ...ingressSchema,
  rules: rulesField(clientRulesSchema),
  associations: {
    key: "associations",
    flag: "associations",
    shape: scalar(countOrWordSyntax(1, MAX_ASSOCIATIONS, "per-session")),
    default: 4,
    doc: "Maximum number of associations that sessions with a server share; per-session: one for each session, " +
      "as in the paper",
  },
  warm: {
    key: "warm",
    shape: scalar(countSyntax(0)),
    default: 1,
    doc: "Associations that can take another session, kept connected with each server in use",
  },
  workers: workersField("Event loops that share the connections, up to one per core"),
  pads: padsField,
  padding: paddingField,
  shares: sharesField,
  threshold: thresholdField,
  limits: limitsGroup,
  timeouts: timeoutsGroup,
  admin: adminField,
  log: logGroup,
};

/** Reports servers without enough separate channels, and repeated names. */
export function checkServers(servers: readonly Server[], problems: Problems): void {
  for (const server of servers) {
    checkChannelCount(server.channels, server, problems);
    checkDistinctHosts(server.channels, problems);
    checkDistinctWays(server.channels, problems);
    checkEstimates(server, problems);
    checkThreshold(server.threshold, server.channels, (message) => problems.at(server, message));
  }
  for (const server of repeated(servers, ({ name }) => name)) {
    problems.at(server, `two servers are named ${server.name}; give each its own name`);
  }
}

/** Reports short shares with a threshold. @param add Adds the mistake. */
function checkShares(
  { shares }: { readonly shares?: Shares },
  threshold: number | undefined,
  add: (message: string) => void,
): void {
  if (shares !== "short" || threshold === undefined) return;
  add(`shares short with threshold ${threshold}, but all short shares are needed; leave one of them out`);
}

function check(config: ClientConfig, problems: Problems): void {
  const { servers, forwards, udpForwards, redirects, tproxies, socks5, httpConnects, associations, warm } = config;
  if (servers.length + config.keys.length === 0 && config.database === undefined) {
    problems.at(
      servers,
      "no server; give at least one as NAME=HOST,HOST or a key to identify one with, or join one with micss join",
    );
  }
  checkServers(servers, problems);
  checkShares(config, config.threshold, (message) => problems.atSetting(config, "shares", message));
  for (const server of servers) {
    const { threshold = config.threshold, channels, joined, name } = server;
    const add = (message: string) => problems.at(server, message);
    // A server that was joined is in no file whose line this could name.
    const addOfJoined = (message: string) => problems.atSetting(config, "threshold", `server ${name}: ${message}`);
    const addOfAll = joined === undefined ? add : addOfJoined;
    if (server.threshold === undefined) checkThreshold(threshold, channels, addOfAll);
    checkShares(server, threshold, add);
  }
  const listeners = [...forwards.map(({ listen }) => listen), ...redirects, ...tproxies, ...socks5, ...httpConnects];
  const datagramListeners = [...udpForwards.map(({ listen }) => listen), ...config.udpTproxies];
  if (listeners.length + datagramListeners.length === 0) {
    problems.at(forwards, "no ingress; give at least one, such as forward HOST:PORT=NAME:PORT or redirect HOST:PORT");
  }
  const names = servers.map(({ name }) => name);
  for (const forward of [...forwards, ...udpForwards]) {
    if (names.includes(forward.server) || isLearnable(config, forward.server)) continue;
    problems.at(forward, `no server is named ${forward.server}; ${suggestion(forward.server, names)}`);
  }
  if (config.clientKey !== undefined && config.keys.length === 0 && servers.every(({ key }) => key === undefined)) {
    problems.atSetting(
      config,
      "clientKey",
      "used only with servers whose keys are known; give servers.NAME.key",
    );
  }
  for (const addresses of [listeners, datagramListeners]) {
    checkDistinctListeners(addresses, problems);
    if (config.workers > 1) checkFixedPorts(addresses, problems);
  }
  if (associations !== "per-session" && warm > associations) {
    const message = `${warm} is more than associations, ${associations}; give ${associations} or less`;
    problems.atSetting(config, "warm", message);
  }
  checkUsers(config, problems);
}

/** The configuration of `micss client`. */
export const clientSpec: Spec<ClientConfig> = { schema, side: "client", check };

/** The configuration of `micss rules` for a client: that of `micss client`, with flags for the rules. */
export const clientRulesSpec: Spec<ClientConfig> = {
  schema: { ...schema, rules: { key: "rules", fields: clientRulesSchema } },
  side: "client",
  check,
};

/** Valid server names. */
const SERVER_NAME = /^[a-z0-9][a-z0-9.-]*$/i;

/** Reads a server in the file: a list of channels, or a map of settings. */
function readServer(name: string, node: Node, problems: Problems): Server | undefined {
  if (!SERVER_NAME.test(name)) problems.add(node.place, nameMessage(name));
  if (!Array.isArray(node.value)) return { name, ...readSettings(serverEntrySchema, node, problems) };
  const channels = channelsField.shape.read(node, problems);
  return channels && { name, channels };
}

function checkName(name: string): string {
  if (!SERVER_NAME.test(name)) throw new SyntaxError(nameMessage(name));
  return name;
}

function nameMessage(name: string): string {
  return `not a server name: ${quote(name)}; use letters, digits, dots and dashes`;
}
