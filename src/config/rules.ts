import { parsePort } from "../net/address.ts";
import { isIpv4, parseSubnet, type Subnet } from "../net/ip.ts";
import { quote } from "./problems.ts";
import { HOST_PATTERN, numberSchema, PORT_PATTERN, textSchema } from "./json_schema.ts";
import { objectSchema } from "./object_schema.ts";
import { readSettings } from "./read.ts";
import type { Field, Schema } from "./schema.ts";
import { list, one } from "./shape.ts";
import { checkPort, type Syntax, wordSyntax } from "./syntax.ts";

/** The tools that rules are made with. */
export const FLAVOURS = ["nft", "iptables-nft", "iptables-legacy"] as const;

/** One of {@linkcode FLAVOURS}. */
export type Flavour = typeof FLAVOURS[number];

/** Some of the connections that there can be, by where they go. */
export interface Selector {
  /** Every address, those of the configured servers' channels, or those of a network. */
  readonly to: "*" | "servers" | Subnet;
  /** A port, or every port. For "servers", "*" stands for the ports that each server serves. */
  readonly port: number | "*";
}

/** Which connections `micss rules` sends to the client handler, which itself only looks whether it is told at all. */
export interface ClientRules {
  /** The tool to make rules with; "auto" is the first that works. */
  readonly flavour: Flavour | "auto";
  /** What is taken, at least one. */
  readonly take: readonly Selector[];
  /** Names or numbers of the users whose connections are taken; everybody's where empty. */
  readonly takeUsers: readonly string[];
  /** The devices by which connections come in that this machine forwards, and that are taken too. */
  readonly takeFrom: readonly string[];
  /** What is left alone although it would be taken. */
  readonly exempt: readonly Selector[];
  /** Names or numbers of users whose connections are left alone: the handler's. */
  readonly exemptUids: readonly string[];
  /** Names or numbers of such groups. */
  readonly exemptGids: readonly string[];
}

/** How `micss rules` protects the server handler. The handler itself does not look at it. */
export interface ServerRules {
  /** As {@linkcode ClientRules.flavour}. */
  readonly flavour: Flavour | "auto";
  /** The most connections that begin at one channel's address each second; more are dropped. */
  readonly rate: number;
}

/** A selector: `*:80`, `servers`, `192.0.2.0/24:443`, `[2001:db8::]/32`, `[2001:db8::1]:80`. */
export const selectorSyntax: Syntax<Selector> = {
  placeholder: "NETWORK[:PORT]",
  means: "a network or an address, or servers for the configured ones, with a port unless it is every port: " +
    "*:80, servers, 192.0.2.0/24:80, [2001:db8::]/32",
  schema: textSchema(String.raw`(\*|${HOST_PATTERN}(/\d+)?)(:(\*|${PORT_PATTERN}))?`),
  parse(text) {
    const match = /^(?:(\*|servers)|\[([^\]]+)\](\/\d+)?|([\d.]+(?:\/\d+)?))(?::(\*|\d+))?$/.exec(text);
    if (match === null || /^\d+$/.test(text)) {
      throw new SyntaxError(`${quote(text)} is no network; write *:80, servers, 192.0.2.0/24:80 or [2001:db8::]/32`);
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

/** Reads a network, or one address, which is a network of its own. */
function readSubnet(text: string): Subnet {
  return parseSubnet(text.includes("/") ? text : `${text}/${isIpv4(text) ? 32 : 128}`);
}

function formatTo(to: Selector["to"]): string {
  if (typeof to === "string") return to;
  const [host, whole] = to.host.includes(":") ? [`[${to.host}]`, 128] : [to.host, 32];
  return to.bits === whole ? host : `${host}/${to.bits}`;
}

/** The greatest number of a user or a group. */
const MAX_ID = 2 ** 32 - 2;

/** A user or a group, by name or by number. */
export const accountSyntax: Syntax<string> = {
  placeholder: "NAME|NUMBER",
  means: "a name, or a number",
  schema: { type: ["string", "integer"], minimum: 0, maximum: MAX_ID },
  parse(text) {
    const known = /^\d+$/.test(text) ? Number(text) <= MAX_ID : /^[a-z_][\w.-]{0,31}\$?$/i.test(text);
    if (!known) throw new SyntaxError(`${quote(text)} is nobody; write a name, or a number below 4294967295`);
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
      throw new SyntaxError(`${quote(text)} is no device; write a name such as eth0`);
    }
    return text;
  },
  format: String,
};

/** The most connections a second that iptables can count. */
const MAX_RATE = 10_000;

const rateSyntax: Syntax<number> = {
  placeholder: "NUMBER",
  means: `connections a second, 1 to ${MAX_RATE}`,
  schema: numberSchema(1, MAX_RATE),
  parse(text) {
    const rate = Number(text);
    if (!/^\d{1,5}$/.test(text) || rate < 1 || rate > MAX_RATE) {
      throw new SyntaxError(`${quote(text)} is no rate; write connections a second, 1 to ${MAX_RATE}`);
    }
    return rate;
  },
  format: String,
};

const flavour: Field<Flavour | "auto"> = {
  key: "flavour",
  flag: "flavour",
  shape: one(wordSyntax("flavour", ["auto", ...FLAVOURS])),
  default: "auto",
  doc: "The tool to make rules with; auto takes the first that works",
};

/** The client's settings, with flags. */
export const clientRulesSchema: Schema<ClientRules> = {
  flavour,
  take: {
    key: "take",
    flag: "take",
    shape: list(selectorSyntax),
    default: [{ to: "servers", port: "*" }],
    example: '[servers, "*:8080"]',
    doc:
      "What to send to the handler: *:80, a network, or servers, which is the configured servers' addresses and ports",
  },
  takeUsers: {
    key: "take-user",
    flag: "take-user",
    shape: list(accountSyntax),
    default: [],
    example: "[www-data]",
    doc: "Take only this user's connections",
  },
  takeFrom: {
    key: "take-from",
    flag: "take-from",
    shape: list(deviceSyntax),
    default: [],
    example: "[lan0]",
    doc: "Take also what comes in by this device to be forwarded, on a gateway",
  },
  exempt: {
    key: "exempt",
    flag: "exempt",
    shape: list(selectorSyntax),
    default: [],
    example: "[192.0.2.0/24, 198.51.100.7:80]",
    doc: "Leave these alone",
  },
  exemptUids: {
    key: "exempt-uid",
    flag: "exempt-uid",
    shape: list(accountSyntax),
    default: [],
    example: "[micss]",
    doc: "The user that the handler runs as, whose connections are left alone; micss where there is one",
  },
  exemptGids: {
    key: "exempt-gid",
    flag: "exempt-gid",
    shape: list(accountSyntax),
    default: [],
    example: "[micss]",
    doc: "The same by group",
  },
};

/** The server's settings, with flags. */
export const serverRulesSchema: Schema<ServerRules> = {
  flavour,
  rate: {
    key: "rate",
    flag: "rate",
    shape: one(rateSyntax),
    default: 1000,
    doc: "The most connections that may begin at one channel each second",
  },
};

/** The same settings as the handlers see them: their file may have them, but no flag says them. */
export function forRulesOnly<T>(schema: Schema<T>): Field<T> {
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
    doc: "What micss rules is told; see micss rules --help",
  };
}
