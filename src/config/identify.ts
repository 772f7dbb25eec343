import { type Address, DEFAULT_PORT } from "../net/address.ts";
import { checkChannelCount, checkDistinctHosts } from "./check.ts";
import { textSchema } from "./json_schema.ts";
import type { Node } from "./node.ts";
import { type Problems, quote } from "./problems.ts";
import type { Field } from "./schema.ts";
import { covers, formatScope, parseScope } from "./scope.ts";
import { isIp, isLinkLocal } from "../net/ip.ts";
import { isMap, list, map, scalar } from "./shape.ts";
import { type Shape } from "./schema.ts";
import { addressSyntax, durationSyntax, type PairSyntax, pathSyntax, wordSyntax } from "./syntax.ts";
import type { ClientConfig, ClientKey, ServerConfig, UnknownAction } from "./types.ts";

const UNKNOWN_ACTIONS: readonly UnknownAction[] = ["reject", "direct"];

/** A key and its scope: `192.0.2.10=/etc/micss/web.key.pub`. */
export const clientKeySyntax: PairSyntax<ClientKey> = {
  placeholder: "ADDRESS=FILE",
  means: "an address, name or network, with a port unless it is 6522, and a path: 192.0.2.10=web.key.pub, " +
    "[2001:db8::]/32:6523=web.key.pub",
  schema: textSchema("[^=]+=.+"),
  keySchema: { type: "string" },
  valueSchema: { anyOf: [pathSyntax.schema, { type: "array", items: pathSyntax.schema }] },
  parse(text) {
    const match = /^([^=]*)=(.+)$/s.exec(text);
    if (match === null) throw new SyntaxError(`missing key file: ${quote(text)}; write ADDRESS=FILE or NETWORK=FILE`);
    return { scope: parseScope(match[1]!), file: match[2]! };
  },
  format: ({ scope, file }) => `${formatScope(scope)}=${file}`,
};

/** Keys as a repeated flag, a list, or a map `{ADDRESS: FILE, NETWORK: [FILE, FILE]}`. */
const keysShape: Shape<readonly ClientKey[]> = {
  ...map(clientKeySyntax),
  read(node, problems) {
    if (!isMap(node.value)) return list(clientKeySyntax).read(node, problems);
    const nodes = Object.entries(node.value).flatMap(([key, value]) => {
      const child = node.child(key);
      const files = Array.isArray(value) ? value.map((_, index) => child.child(index)) : [child];
      return files.map((file): Node => ({ ...file, place: file.place, value: pair(key, file.value) }));
    });
    const pairs: Node = { value: nodes, place: node.place, child: (index) => nodes[Number(index)]! };
    return list(clientKeySyntax).read(pairs, problems);
  },
};

function pair(key: string, file: unknown): unknown {
  return typeof file === "string" ? `${key}=${file}` : file;
}

/** Settings of a client handler for identifying servers that are not configured; see {@linkcode ClientConfig}. */
export const clientIdentifySchema: {
  readonly keys: Field<readonly ClientKey[]>;
  readonly unknown: Field<UnknownAction>;
  readonly database: Field<string>;
} = {
  keys: {
    key: "keys",
    flag: "identify",
    shape: keysShape,
    default: [],
    example: "{ 192.0.2.10: web.key.pub }",
    doc: `Identify servers at this address, name or network with this key; default port: ${DEFAULT_PORT}`,
  },
  unknown: {
    key: "unknown",
    flag: "unknown",
    shape: scalar(wordSyntax("action", UNKNOWN_ACTIONS)),
    default: "reject",
    doc: "Action for unknown destinations; direct: connect in the clear",
  },
  database: {
    key: "database",
    flag: "database",
    shape: scalar(pathSyntax),
    example: "/var/lib/micss/channels.db",
    doc: "File that keeps learned channels; for the default, see micss help channels",
  },
};

/** Settings of a server handler for announcing its channels; see {@linkcode ServerConfig}. */
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
    doc: "Key that proves this server's identity, also when it announces its channels; see micss help keygen",
  },
  announce: {
    key: "announce",
    flag: "announce",
    shape: list(addressSyntax({ defaultPort: DEFAULT_PORT })),
    default: [],
    example: "[203.0.113.10, 203.0.113.20]",
    doc: "Public addresses of the channels, in the same order, if they differ, as behind NAT",
  },
  announceFor: {
    key: "announce-for",
    shape: scalar(durationSyntax),
    default: 3_600_000,
    doc: "Time that clients may use announced channels before asking again",
  },
};

/** Reports contradictions between a server handler's channels, its keys and its announced addresses. */
export function checkAnnounced(config: ServerConfig, problems: Problems): void {
  const { channels, keys, announce } = config;
  const wildcard = channels.find(({ host }) => host === "0.0.0.0" || host === "::");
  const linkLocal = channels.find(({ host }) => isLinkLocal(host));
  for (const address of announce) {
    if (!isIp(address.host)) {
      problems.at(address, `a host name can't be announced: ${address.host}; give its IP address`);
    } else if (isLinkLocal(address.host)) {
      problems.at(address, `a link-local address can't be announced: ${address.host}; give one that has no zone`);
    }
  }
  if (announce.length > 0) {
    checkChannelCount(announce, announce, problems);
    checkDistinctHosts(announce, problems);
    if (wildcard === undefined && announce.length !== channels.length) {
      problems.at(
        announce,
        `${announce.length} announced for ${channels.length} channels; give one address per channel`,
      );
    }
  } else if (keys.length > 0) {
    if (wildcard !== undefined) {
      problems.at(wildcard, "a wildcard address can't be announced; give the public addresses with announce");
    } else if (linkLocal !== undefined) {
      problems.at(linkLocal, "a link-local address can't be announced; give the public addresses with announce");
    } else if (!config.distinctAddresses) checkDistinctHosts(channels, problems);
  }
}

/** Tells whether channels can be learned for `host`, which is not the name of a configured server. */
export function isLearnable({ keys, database }: ClientConfig, host: string): boolean {
  return keys.some(({ scope }) => covers(scope, host)) || isIp(host) && database !== undefined;
}
