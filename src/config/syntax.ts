import { type Address, formatAddress, parseAddress, parsePort } from "../net/address.ts";
import { isLinkLocal } from "../net/ip.ts";
import { HOST_PATTERN, type JsonSchema, numberSchema, PORT_PATTERN, textSchema } from "./json_schema.ts";
import { nearest } from "./nearest.ts";
import { quote } from "./problems.ts";

/** Text form of a value, the same in a flag and in the file. */
export interface Syntax<T> {
  /** Placeholder of the value in help: "HOST[:PORT]". */
  readonly placeholder: string;
  /** Description and examples, for the reference: "an address: 192.0.2.10:80, [2001:db8::10]:80". */
  readonly means: string;
  /** JSON Schema of the value in the file; accepts everything that `parse` accepts. */
  readonly schema: JsonSchema;
  /**
   * Reads a value.
   *
   * @throws {SyntaxError} If `text` is invalid: `not a ...: "text"; write ...`.
   */
  parse(text: string): T;
  /** Writes a value in the syntax of `parse`. */
  format(value: T): string;
}

/** Syntax of `KEY=VALUE`, which may be a map's entry in the file. */
export interface PairSyntax<T> extends Syntax<T> {
  /** JSON Schema of the map's keys. */
  readonly keySchema: JsonSchema;
  /** JSON Schema of the map's values. */
  readonly valueSchema: JsonSchema;
}

/** Options of {@linkcode addressSyntax}. */
export interface AddressOptions {
  /** Port of an address without one. Default: none, the port is required. */
  readonly defaultPort?: number;
  /** Allows port 0, for which the system picks a free port to listen at. Default: false. */
  readonly listen?: boolean;
}

/** An address: `HOST:PORT`, an IPv6 host in brackets. */
export function addressSyntax({ defaultPort, listen = false }: AddressOptions): Syntax<Address> {
  return {
    placeholder: defaultPort === undefined ? "HOST:PORT" : "HOST[:PORT]",
    means: defaultPort === undefined
      ? "an address or host name, and a port: 192.0.2.10:80, [2001:db8::10]:80, host.example:80"
      : `an address or host name, with a port unless it is ${defaultPort}: ` +
        "192.0.2.10, 192.0.2.10:80, [2001:db8::10]:80, host.example",
    schema: textSchema(`${HOST_PATTERN}(:${PORT_PATTERN})${defaultPort === undefined ? "" : "?"}`),
    parse(text) {
      const address = parseSocketAddress(text, defaultPort);
      if (!listen) checkPort(address.port, text);
      return address;
    },
    format: formatAddress,
  };
}

/**
 * Parses an address that a socket can have or connect to, as {@linkcode parseAddress} does.
 *
 * @throws {SyntaxError} Also if it is a link-local address without a zone.
 */
export function parseSocketAddress(text: string, defaultPort?: number): Address {
  const address = parseAddress(text, defaultPort), { host } = address;
  if (!isLinkLocal(host) || host.includes("%")) return address;
  throw new SyntaxError(`link-local address without its device: ${quote(text)}; write one such as [${host}%eth0]`);
}

/** A port that can be connected to, 1 to 65,535. */
export const portSyntax: Syntax<number> = {
  placeholder: "PORT",
  means: "a port from 1 to 65535",
  schema: numberSchema(1, 65535),
  parse: (text) => checkPort(parsePort(text), text),
  format: String,
};

/**
 * Returns the port if it can be connected to.
 *
 * @param text User input, for the message.
 * @throws {SyntaxError} If the port is 0.
 */
export function checkPort(port: number, text: string): number {
  if (port === 0) throw new SyntaxError(`port 0 is not allowed: ${quote(text)}; write a port from 1 to 65535`);
  return port;
}

const UNITS = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;

/** Maximum duration; far below 2^31 ms, at which timers overflow. */
export const MAX_DURATION = 24 * UNITS.h;

/** A duration, in milliseconds: `500ms`, `5s`, `1.5m`, `1h`; from 1 ms to {@linkcode MAX_DURATION}. */
export const durationSyntax: Syntax<number> = {
  placeholder: "DURATION",
  means: "a duration from 1ms to 24h: 500ms, 5s, 1.5m, 1h",
  schema: textSchema(String.raw`\d+(\.\d+)?(ms|s|m|h)`),
  parse(text) {
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
    if (match === null) throw new SyntaxError(`not a duration: ${quote(text)}; write 500ms, 5s, 2m or 1h`);
    const ms = Math.round(Number(match[1]) * UNITS[match[2] as keyof typeof UNITS]);
    if (ms < 1 || ms > MAX_DURATION) throw new SyntaxError(`duration out of range: ${quote(text)}; write 1ms to 24h`);
    return ms;
  },
  format(ms) {
    const [unit, size] = Object.entries(UNITS).find(([, size]) => ms % size === 0) ?? ["ms", 1];
    return `${ms / size}${unit}`;
  },
};

/** A duration, or 0 to switch off what it limits. */
export const durationOrOffSyntax: Syntax<number> = {
  placeholder: durationSyntax.placeholder,
  means: `0, or ${durationSyntax.means}`,
  schema: { type: ["string", "integer"], pattern: String.raw`^(0|\d+(\.\d+)?(ms|s|m|h))$`, maximum: 0, minimum: 0 },
  parse: (text) => text === "0" ? 0 : durationSyntax.parse(text),
  format: (ms) => ms === 0 ? "0" : durationSyntax.format(ms),
};

/** Default maximum of {@linkcode countSyntax}. */
const MAX_COUNT = 1_000_000;

/** A whole number from `min` to `max`. */
export function countSyntax(min = 1, max = MAX_COUNT): Syntax<number> {
  return {
    placeholder: "NUMBER",
    means: `a number from ${min} to ${max}`,
    schema: numberSchema(min, max),
    parse(text) {
      const count = Number(text);
      if (!/^\d+$/.test(text)) throw new SyntaxError(`not a whole number: ${quote(text)}; write ${min} to ${max}`);
      if (count < min || count > max) {
        throw new SyntaxError(`number out of range: ${quote(text)}; write ${min} to ${max}`);
      }
      return count;
    },
    format: String,
  };
}

/** A whole number from `min` to `max`, or a word that has no number. */
export function countOrWordSyntax<T extends string>(min: number, max: number, word: T): Syntax<number | T> {
  const count = countSyntax(min, max);
  return {
    placeholder: `${count.placeholder}|${word}`,
    means: `${count.means}, or ${word}`,
    schema: { ...count.schema, pattern: `^(\\d+|${word})$` },
    parse(text) {
      if (text === word) return word;
      if (/^\d+$/.test(text)) return count.parse(text);
      const hint = nearest(text, [word]) === undefined ? `write ${min} to ${max}, or ${word}` : `did you mean ${word}?`;
      throw new SyntaxError(`neither a number nor ${word}: ${quote(text)}; ${hint}`);
    },
    format: String,
  };
}

/** `true` or `false`. */
export const booleanSyntax: Syntax<boolean> = {
  placeholder: "true|false",
  means: "true or false",
  schema: { type: ["boolean", "string"], pattern: "^(true|false)$" },
  parse(text) {
    if (text !== "true" && text !== "false") throw new SyntaxError("must be true or false");
    return text === "true";
  },
  format: String,
};

/**
 * One of a set of words.
 *
 * @param kind Kind of word, for messages: "log level".
 * @param words At least two.
 */
export function wordSyntax<T extends string>(kind: string, words: readonly T[]): Syntax<T> {
  return {
    placeholder: words.join("|"),
    means: `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`,
    schema: { type: "string", enum: words },
    parse(text) {
      const word = words.find((word) => word === text);
      if (word !== undefined) return word;
      const candidate = nearest(text, words);
      const hint = candidate === undefined
        ? `write ${words.slice(0, -1).join(", ")} or ${words.at(-1)}`
        : `did you mean ${candidate}?`;
      throw new SyntaxError(`unknown ${kind}: ${quote(text)}; ${hint}`);
    },
    format: (word) => word,
  };
}

/** A file's path. */
export const pathSyntax: Syntax<string> = {
  placeholder: "FILE",
  means: "a path; relative paths start at the working directory",
  schema: { type: "string" },
  parse: (text) => text,
  format: (path) => path,
};
