import { type Address, DEFAULT_PORT, formatAddress, parseAddress } from "../net/address.ts";
import { canonicalHost, isIpv4, isIpv6 } from "../net/ip.ts";
import { FEWEST_CHANNELS, MOST_CHANNELS } from "../wire/associate.ts";

/** How an entry came to be: told by the server handler, or brought in from a file. */
export type EntrySource = "exchange" | "import";

/** What was learned about one address. It is about no other: who may speak for one address may not for the next. */
export interface Entry {
  /** The one address that was known, an IP address in its one spelling. */
  readonly address: string;
  /** The channels of the server handler there: 2 to 16, each at an IP address of its own. */
  readonly channels: readonly Address[];
  /** Where it comes from. */
  readonly source: EntrySource;
  /** When it was learned, in milliseconds since 1970. */
  readonly learned: number;
  /** Until when it may be used, in milliseconds since 1970; null for ever. */
  readonly expires: number | null;
  /** The id of the key by which it was authenticated, in hexadecimal; null when it was imported without. */
  readonly key: string | null;
}

/** How far a machine's clock may be set back, in milliseconds, before what it learned counts as not learned yet. */
const TOLERANCE = 60_000;

/** Whether an entry may be used. A clock that was wrong when it was learned makes none last longer. */
export function isValid({ learned, expires }: Entry, now: number): boolean {
  return expires === null || now < expires && now >= learned - TOLERANCE;
}

/** Whether most of an entry's time, 80 %, is over. */
export function isDue({ learned, expires }: Entry, now: number): boolean {
  return expires !== null && now >= learned + 0.8 * (expires - learned);
}

/** An entry as `micss channels` writes and reads it. */
export type EntryJson = {
  readonly address: string;
  readonly channels: readonly string[];
  readonly source: EntrySource;
  readonly learned: string;
  readonly expires: string | null;
  readonly key: string | null;
};

/** An entry as a JSON value: addresses as people write them, times as ISO 8601. */
export function entryToJson({ address, channels, source, learned, expires, key }: Entry): EntryJson {
  return {
    address,
    channels: channels.map(formatAddress),
    source,
    learned: new Date(learned).toISOString(),
    expires: expires === null ? null : new Date(expires).toISOString(),
    key,
  };
}

/** A JSON value is no entry; the message is "FIELD: what is wrong; what would be right". */
export class EntryError extends Error {
  /** Tells the class in a stack trace. */
  override name = "EntryError";
}

/**
 * Reads an entry of a JSON value. Only `address` and `channels` are needed.
 *
 * @param now When an entry without a time was learned, in milliseconds since 1970.
 * @throws {EntryError} For the first mistake.
 */
export function entryFromJson(value: unknown, now: number): Entry {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new EntryError(': no entry; write {"address": ..., "channels": [...]}');
  }
  const known = ["address", "channels", "source", "learned", "expires", "key"];
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new EntryError(`.${unknown}: unknown field; known: ${known.join(", ")}`);
  const { address, channels, source = "import", learned, expires = null, key = null } = value as Record<
    string,
    unknown
  >;
  if (source !== "exchange" && source !== "import") {
    throw new EntryError('.source: no source; write "exchange" or "import"');
  }
  if (key !== null && (typeof key !== "string" || !/^[0-9a-f]{16}$/.test(key))) {
    throw new EntryError(".key: no key id; write 16 hexadecimal digits or null");
  }
  const entry = {
    address: readHost(address),
    channels: readChannels(channels),
    source: source as EntrySource,
    learned: learned === undefined ? now : readTime(learned, ".learned"),
    expires: expires === null ? null : readTime(expires, ".expires"),
    key: key as string | null,
  };
  if (entry.expires !== null && entry.expires <= entry.learned) {
    throw new EntryError(".expires: not after learned; write a later time or null");
  }
  return entry;
}

function readHost(value: unknown): string {
  if (typeof value === "string" && (isIpv4(value) || isIpv6(value))) return canonicalHost(value);
  throw new EntryError(".address: no IP address; write one, without a port");
}

function readChannels(value: unknown): Address[] {
  if (!Array.isArray(value) || value.length < FEWEST_CHANNELS || value.length > MOST_CHANNELS) {
    throw new EntryError(`.channels: no list of channels; write ${FEWEST_CHANNELS} to ${MOST_CHANNELS} addresses`);
  }
  const channels = value.map((item, index) => readChannel(item, `.channels[${index}]`));
  const hosts = channels.map(({ host }) => host);
  const twice = hosts.findIndex((host, index) => hosts.indexOf(host) < index);
  if (twice >= 0) {
    throw new EntryError(`.channels[${twice}]: ${hosts[twice]} is a channel already; two at one address are one path`);
  }
  return channels;
}

function readChannel(value: unknown, field: string): Address {
  try {
    const { host, port } = parseAddress(String(value), DEFAULT_PORT);
    if (typeof value === "string" && (isIpv4(host) || isIpv6(host)) && port !== 0) {
      return { host: canonicalHost(host), port };
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new EntryError(`${field}: no address; write an IP address and port, such as "192.0.2.10:6522"`);
}

function readTime(value: unknown, field: string): number {
  const time = typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : NaN;
  if (Number.isNaN(time)) throw new EntryError(`${field}: no time; write one as "2030-01-31T12:00:00Z"`);
  return time;
}
