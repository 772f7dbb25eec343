import { type Address, DEFAULT_PORT } from "../net/address.ts";
import { checkChannelCount, checkDistinctHosts } from "./check.ts";
import { textSchema } from "./json_schema.ts";
import type { Node } from "./node.ts";
import { type Problems, quote } from "./problems.ts";
import type { Field } from "./schema.ts";
import { covers, formatScope, parseScope } from "./scope.ts";
import { isIp } from "../net/ip.ts";
import { isMap, list, map, one } from "./shape.ts";
import { type Shape } from "./schema.ts";
import { addressSyntax, durationSyntax, type PairSyntax, type Syntax, wordSyntax } from "./syntax.ts";
import type { ClientConfig, ClientKey, ServerConfig, Unknown } from "./types.ts";

const UNKNOWN: readonly Unknown[] = ["reject", "direct"];

/** A file's path. */
export const pathSyntax: Syntax<string> = {
  placeholder: "FILE",
  means: "a path; if it is relative, from where micss is started",
  schema: { type: "string" },
  parse: (text) => text,
  format: (path) => path,
};

/** A key and what it is for: `192.0.2.10=/etc/micss/web.key`. */
export const clientKeySyntax: PairSyntax<ClientKey> = {
  placeholder: "ADDRESS=FILE",
  means: "an address, name or network, a port unless it is 6522, and a path: 192.0.2.10=web.key.pub, " +
    "[2001:db8::]/32:6523=web.key.pub",
  schema: textSchema("[^=]+=.+"),
  keySchema: { type: "string" },
  valueSchema: { anyOf: [pathSyntax.schema, { type: "array", items: pathSyntax.schema }] },
  parse(text) {
    const match = /^([^=]*)=(.+)$/s.exec(text);
    if (match === null) throw new SyntaxError(`${quote(text)} names no key; write ADDRESS=FILE or NETWORK=FILE`);
    return { scope: parseScope(match[1]!), file: match[2]! };
  },
  format: ({ scope, file }) => `${formatScope(scope)}=${file}`,
};

/** Keys as a flag that repeats, a list, or a map `{ADDRESS: FILE, NETWORK: [FILE, FILE]}`. */
const keysShape: Shape<readonly ClientKey[]> = {
  ...map(clientKeySyntax),
  read(node, problems) {
    if (!isMap(node.value)) return list(clientKeySyntax).read(node, problems);
    const nodes = Object.entries(node.value).flatMap(([key, value]) => {
      const child = node.child(key);
      const files = Array.isArray(value) ? value.map((_, index) => child.child(index)) : [child];
      return files.map((file): Node => ({ ...file, place: file.place, value: pair(key, file.value) }));
    });
    const balancer: Node = { value: nodes, place: node.place, child: (index) => nodes[Number(index)]! };
    return list(clientKeySyntax).read(balancer, problems);
  },
};

function pair(key: string, file: unknown): unknown {
  return typeof file === "string" ? `${key}=${file}` : file;
}

/** How a client handler learns the channels of servers that it is not told; see {@linkcode ClientConfig}. */
export const clientIdentifySchema: {
  readonly keys: Field<readonly ClientKey[]>;
  readonly unknown: Field<Unknown>;
  readonly database: Field<string>;
} = {
  keys: {
    key: "keys",
    flag: "identify",
    shape: keysShape,
    default: [],
    example: "{ 192.0.2.10: web.key.pub }",
    doc: `Ask servers at this address, name or network, port ${DEFAULT_PORT}, for their channels by this key`,
  },
  unknown: {
    key: "unknown",
    flag: "unknown",
    shape: one(wordSyntax("answer", UNKNOWN)),
    default: "reject",
    doc: "What becomes of a connection to where no server is known; direct passes it on in the clear",
  },
  database: {
    key: "database",
    flag: "database",
    shape: one(pathSyntax),
    example: "/var/lib/micss/channels.db",
    doc: "Where learned channels are kept; see micss help channels for where that is otherwise",
  },
};

/** What a server handler tells clients of its channels, and by which keys; see {@linkcode ServerConfig}. */
export const serverIdentifySchema: {
  readonly keys: Field<readonly string[]>;
  readonly announce: Field<readonly Address[]>;
  readonly announceFor: Field<number>;
} = {
  keys: {
    key: "keys",
    flag: "key",
    shape: list(pathSyntax),
    default: [],
    example: "[web.key]",
    doc: "Tell clients that have this key the channels; see micss help keygen",
  },
  announce: {
    key: "announce",
    flag: "announce",
    shape: list(addressSyntax({ defaultPort: DEFAULT_PORT })),
    default: [],
    example: "[203.0.113.10, 203.0.113.20]",
    doc: "Where clients reach the channels, in their order, if elsewhere: behind NAT",
  },
  announceFor: {
    key: "announce-for",
    shape: one(durationSyntax),
    default: 3_600_000,
    doc: "How long clients may rely on what they were told",
  },
};

/** Adds what is wrong between a server handler's channels, its keys and what it announces. */
export function checkAnnounced(config: ServerConfig, problems: Problems): void {
  const { channels, keys, announce } = config;
  const wildcard = channels.find(({ host }) => host === "0.0.0.0" || host === "::");
  for (const address of announce) {
    if (!isIp(address.host)) problems.at(address, `announced as ${address.host}, a name; give its IP address`);
  }
  if (announce.length > 0) {
    if (keys.length === 0) problems.at(announce, "announced to nobody; give a key");
    checkChannelCount(announce, announce, problems);
    checkDistinctHosts(announce, problems);
    if (wildcard === undefined && announce.length !== channels.length) {
      problems.at(announce, `${announce.length} announced for ${channels.length} channels; give one for each`);
    }
  } else if (keys.length > 0) {
    if (wildcard !== undefined) {
      problems.at(wildcard, "stands for every address, which nobody can connect to; give what to announce");
    } else if (!config.distinctAddresses) checkDistinctHosts(channels, problems);
  }
}

/** Whether a forward to `host`, no configured server's name, leads to where channels can be learned. */
export function isLearnable({ keys, database }: ClientConfig, host: string): boolean {
  return keys.some(({ scope }) => covers(scope, host)) || isIp(host) && database !== undefined;
}
