import { type Address, formatAddress, parseAddress, parsePort } from "../net/address.ts";
import { HOST_PATTERN, type JsonSchema, numberSchema, PORT_PATTERN, textSchema } from "./json_schema.ts";
import { nearest } from "./nearest.ts";
import { quote } from "./problems.ts";

/** How one value is written, the same in a flag and in the file. */
export interface Syntax<T> {
  /** Stands for the value in help: "HOST[:PORT]". */
  readonly placeholder: string;
  /** What is written, in words and examples, for the reference: "an address: 192.0.2.10:80, [2001:db8::10]:80". */
  readonly means: string;
  /** What an editor can check of it in the file; it refuses nothing that can work. */
  readonly schema: JsonSchema;
  /**
   * Reads a value.
   *
   * @throws {SyntaxError} When `text` is none: `"text" is no ...; write ...`.
   */
  parse(text: string): T;
  /** Writes a value so that `parse` reads it. */
  format(value: T): string;
}

/** The syntax of `KEY=VALUE`, which the file may have in a map. */
export interface PairSyntax<T> extends Syntax<T> {
  /** What an editor can check of the map's keys. */
  readonly keySchema: JsonSchema;
  /** The same of its values. */
  readonly valueSchema: JsonSchema;
}

/** How {@linkcode addressSyntax} reads. */
export interface AddressOptions {
  /** The port of an address without one; it must have one where this is left out. */
  readonly defaultPort?: number;
  /** Whether port 0 is an address: the system then picks a free one to listen at. Default: false. */
  readonly listen?: boolean;
}

/** An address: `HOST:PORT`, an IPv6 host in brackets. */
export function addressSyntax({ defaultPort, listen = false }: AddressOptions): Syntax<Address> {
  return {
    placeholder: defaultPort === undefined ? "HOST:PORT" : "HOST[:PORT]",
    means: defaultPort === undefined
      ? "an address or a name, and a port: 192.0.2.10:80, [2001:db8::10]:80, host.example:80"
      : `an address or a name, and a port unless it is ${defaultPort}: 192.0.2.10, 192.0.2.10:80, [2001:db8::10]:80, ` +
        "host.example",
    schema: textSchema(`${HOST_PATTERN}(:${PORT_PATTERN})${defaultPort === undefined ? "" : "?"}`),
    parse(text) {
      const address = parseAddress(text, defaultPort);
      if (!listen) checkPort(address.port, text);
      return address;
    },
    format: formatAddress,
  };
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
 * Lets a port through that can be connected to.
 *
 * @param text What a person wrote, for the message.
 * @throws {SyntaxError} When it is 0.
 */
export function checkPort(port: number, text: string): number {
  if (port === 0) throw new SyntaxError(`${quote(text)} has port 0; write a port from 1 to 65535`);
  return port;
}

const UNITS = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;

/** The longest duration: longer timers overflow on some systems, and nobody waits that long. */
export const MAX_DURATION = 24 * UNITS.h;

/** A duration, in milliseconds: `500ms`, `5s`, `1.5m`, `1h`; from 1 ms to {@linkcode MAX_DURATION}. */
export const durationSyntax: Syntax<number> = {
  placeholder: "DURATION",
  means: "a duration from 1ms to 24h: 500ms, 5s, 1.5m, 1h",
  schema: textSchema(String.raw`\d+(\.\d+)?(ms|s|m|h)`),
  parse(text) {
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
    if (match === null) throw new SyntaxError(`${quote(text)} is no duration; write 500ms, 5s, 2m or 1h`);
    const ms = Math.round(Number(match[1]) * UNITS[match[2] as keyof typeof UNITS]);
    if (ms < 1 || ms > MAX_DURATION) throw new SyntaxError(`${quote(text)} is out of range; write 1ms to 24h`);
    return ms;
  },
  format(ms) {
    const [unit, size] = Object.entries(UNITS).find(([, size]) => ms % size === 0) ?? ["ms", 1];
    return `${ms / size}${unit}`;
  },
};

/** The most things that {@linkcode countSyntax} counts. */
const MAX_COUNT = 1_000_000;

/** A number of things, from `least` to `most`, or to a million. */
export function countSyntax(least = 1, most = MAX_COUNT): Syntax<number> {
  return {
    placeholder: "NUMBER",
    means: `a number from ${least} to ${most}`,
    schema: numberSchema(least, most),
    parse(text) {
      const count = Number(text);
      if (!/^\d{1,7}$/.test(text) || count < least || count > most) {
        throw new SyntaxError(`${quote(text)} is no number of things; write ${least} to ${most}`);
      }
      return count;
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
    if (text !== "true" && text !== "false") {
      throw new SyntaxError(`${quote(text)} is neither; write true or false`);
    }
    return text === "true";
  },
  format: String,
};

/**
 * One of a few words.
 *
 * @param what What they are, for messages: "level".
 * @param words At least two.
 */
export function wordSyntax<T extends string>(what: string, words: readonly T[]): Syntax<T> {
  return {
    placeholder: words.join("|"),
    means: `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`,
    schema: { type: "string", enum: words },
    parse(text) {
      const word = words.find((word) => word === text);
      if (word !== undefined) return word;
      const meant = nearest(text, words);
      const hint = meant === undefined
        ? `write ${words.slice(0, -1).join(", ")} or ${words.at(-1)}`
        : `did you mean ${meant}?`;
      throw new SyntaxError(`${quote(text)} is no ${what}; ${hint}`);
    },
    format: (word) => word,
  };
}
