import { parsePort } from "../net/address.ts";
import { isIpv4, parseSubnet, type Subnet } from "../net/ip.ts";
import { quote } from "./problems.ts";
import { HOST_PATTERN, numberSchema, PORT_PATTERN, textSchema } from "./json_schema.ts";
import { objectSchema } from "./object_schema.ts";
import { readSettings } from "./read.ts";
import type { Field, Schema } from "./schema.ts";
import { list, scalar } from "./shape.ts";
import { checkPort, type Syntax, wordSyntax } from "./syntax.ts";

/** Tools that can install rules, in order of preference. */
export const FLAVOURS = ["nft", "iptables-nft", "iptables-legacy"] as const;

/** One of {@linkcode FLAVOURS}. */
export type Flavour = typeof FLAVOURS[number];

/** Selects connections by destination. */
export interface Selector {
  /** Every address, the addresses of the configured servers' channels, or a network. */
  readonly to: "*" | "servers" | Subnet;
  /** A port, or all. With "servers", "*" stands for the ports that each server serves. */
  readonly port: number | "*";
}

/** Connections that `micss rules` sends to the client handler. The handler itself only uses its presence. */
export interface ClientRules {
  /** Tool to install rules with; "auto" is the first that works. */
  readonly flavour: Flavour | "auto";
  /** Connections to take; at least one selector. */
  readonly take: readonly Selector[];
  /** Datagrams of UDP to take. */
  readonly takeUdp: readonly Selector[];
  /** Names or numbers of users to take connections from; empty for all users. */
  readonly takeUsers: readonly string[];
  /** Devices whose incoming, forwarded connections are taken too. */
  readonly takeFrom: readonly string[];
  /** Exceptions from `take` and `takeUdp`. */
  readonly exempt: readonly Selector[];
  /** Names or numbers of users whose connections are never taken: those that run the handler. */
  readonly exemptUids: readonly string[];
  /** Names or numbers of groups whose connections are never taken. */
  readonly exemptGids: readonly string[];
}

/** Protection of the server handler by `micss rules`. The handler itself ignores it. */
export interface ServerRules {
  /** Same as {@linkcode ClientRules.flavour}. */
  readonly flavour: Flavour | "auto";
  /** Maximum new connections per second to one channel's address; more are dropped. */
  readonly rate: number;
}

/** A selector: `*:80`, `servers`, `192.0.2.0/24:443`, `[2001:db8::]/32`, `[2001:db8::1]:80`. */
export const selectorSyntax: Syntax<Selector> = {
  placeholder: "NETWORK[:PORT]",
  means: "a network, an address, * for all, or servers for the configured ones; without a port, every port: " +
    "*:80, servers, 192.0.2.0/24:80, [2001:db8::]/32",
  schema: textSchema(String.raw`(\*|${HOST_PATTERN}(/\d+)?)(:(\*|${PORT_PATTERN}))?`),
  parse(text) {
    const match = /^(?:(\*|servers)|\[([^\]]+)\](\/\d+)?|([\d.]+(?:\/\d+)?))(?::(\*|\d+))?$/.exec(text);
    if (match === null || /^\d+$/.test(text)) {
      throw new SyntaxError(`not a network: ${quote(text)}; write *:80, servers, 192.0.2.0/24:80 or [2001:db8::]/32`);
    }
    const [, word, ipv6, length = "", ipv4, port = "*"] = match;
    return {
      to: word === "*" || word === "servers" ? word : readSubnet(ipv4 ?? `${ipv6}${length}`),
      port: port === "*" ? port : checkPort(parsePort(port), text),
    };
  },
  format({ to, port }) {
    return `${formatTo(to)}${port === "*" ? "" : `:${port}`}`;
  },
};

/** Reads a network, or a single address as a network of one. */
function readSubnet(text: string): Subnet {
  return parseSubnet(text.includes("/") ? text : `${text}/${isIpv4(text) ? 32 : 128}`);
}

function formatTo(to: Selector["to"]): string {
  if (typeof to === "string") return to;
  const [host, whole] = to.host.includes(":") ? [`[${to.host}]`, 128] : [to.host, 32];
  return to.bits === whole ? host : `${host}/${to.bits}`;
}

/** Greatest number of a user or a group; the kernel reserves 2^32 - 1. */
const MAX_ID = 2 ** 32 - 2;

/** A user or a group, by name or by number. */
export const accountSyntax: Syntax<string> = {
  placeholder: "NAME|NUMBER",
  means: "a name or a number: micss, 1000",
  schema: { type: ["string", "integer"], minimum: 0, maximum: MAX_ID },
  parse(text) {
    const known = /^\d+$/.test(text) ? Number(text) <= MAX_ID : /^[a-z_][\w.-]{0,31}\$?$/i.test(text);
    if (!known) throw new SyntaxError(`not a user or group: ${quote(text)}; write a name, or a number up to ${MAX_ID}`);
    return text;
  },
  format: String,
};

/** A network device's name. */
export const deviceSyntax: Syntax<string> = {
  placeholder: "DEVICE",
  means: "a network device: eth0",
  schema: textSchema(String.raw`[A-Za-z0-9_][\w.@:\-]{0,14}`),
  parse(text) {
    if (!/^[A-Za-z0-9_][\w.@:-]{0,14}$/.test(text)) {
      throw new SyntaxError(`not a device name: ${quote(text)}; write one such as eth0`);
    }
    return text;
  },
  format: String,
};

/** Greatest rate that iptables can express, per second. */
const MAX_RATE = 10_000;

const rateSyntax: Syntax<number> = {
  placeholder: "NUMBER",
  means: `connections per second, 1 to ${MAX_RATE}`,
  schema: numberSchema(1, MAX_RATE),
  parse(text) {
    const rate = Number(text);
    if (!/^\d{1,5}$/.test(text) || rate < 1 || rate > MAX_RATE) {
      throw new SyntaxError(`not a rate: ${quote(text)}; write connections per second, 1 to ${MAX_RATE}`);
    }
    return rate;
  },
  format: String,
};

const flavour: Field<Flavour | "auto"> = {
  key: "flavour",
  flag: "flavour",
  shape: scalar(wordSyntax("flavour", ["auto", ...FLAVOURS])),
  default: "auto",
  doc: "Tool to install the rules with; auto: the first that works",
};

/** Settings of `micss rules` for a client, with flags. */
export const clientRulesSchema: Schema<ClientRules> = {
  flavour,
  take: {
    key: "take",
    flag: "take",
    shape: list(selectorSyntax),
    default: [{ to: "servers", port: "*" }],
    example: '[servers, "*:8080"]',
    doc:
      "Connections to send to the handler: *:80, a network, or servers for the configured servers' addresses and ports",
  },
  takeUdp: {
    key: "take-udp",
    flag: "take-udp",
    shape: list(selectorSyntax),
    default: [],
    example: '["*:53"]',
    doc: "Datagrams of UDP to send to the handler, by udp-tproxy; default: none",
  },
  takeUsers: {
    key: "take-user",
    flag: "take-user",
    shape: list(accountSyntax),
    default: [],
    example: "[www-data]",
    doc: "Take only connections of this user",
  },
  takeFrom: {
    key: "take-from",
    flag: "take-from",
    shape: list(deviceSyntax),
    default: [],
    example: "[lan0]",
    doc: "On a gateway, also take connections that arrive at this device to be forwarded",
  },
  exempt: {
    key: "exempt",
    flag: "exempt",
    shape: list(selectorSyntax),
    default: [],
    example: "[192.0.2.0/24, 198.51.100.7:80]",
    doc: "Connections, and datagrams, to leave alone",
  },
  exemptUids: {
    key: "exempt-uid",
    flag: "exempt-uid",
    shape: list(accountSyntax),
    default: [],
    example: "[micss]",
    doc: "User that the handler runs as, whose connections are left alone; default: micss, if it exists",
  },
  exemptGids: {
    key: "exempt-gid",
    flag: "exempt-gid",
    shape: list(accountSyntax),
    default: [],
    example: "[micss]",
    doc: "Group that the handler runs as, whose connections are left alone",
  },
};

/** Settings of `micss rules` for a server, with flags. */
export const serverRulesSchema: Schema<ServerRules> = {
  flavour,
  rate: {
    key: "rate",
    flag: "rate",
    shape: scalar(rateSyntax),
    default: 1000,
    doc: "Maximum new connections per second at one channel",
  },
};

/** `rules` as the handlers read it: from the file only, without flags. */
export function rulesField<T>(schema: Schema<T>): Field<T> {
  return {
    key: "rules",
    shape: {
      placeholder: "{...}",
      written: "{...}",
      means: "a map of settings",
      repeats: false,
      schema: () => objectSchema(schema),
      read: (node, problems) => readSettings(schema, node, problems),
      format: () => "",
    },
    doc: "Settings of micss rules; see micss rules --help",
  };
}
