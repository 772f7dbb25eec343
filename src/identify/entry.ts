import { MicssError } from "../errors/errors.ts";
import { type Address, DEFAULT_PORT, formatAddress, parseAddress } from "../net/address.ts";
import { canonicalHost, isIp } from "../net/ip.ts";
import { MAX_CHANNELS, MIN_CHANNELS } from "../wire/associate.ts";

/** Origin of an entry: an exchange with the server handler, or an imported file. */
export type EntrySource = "exchange" | "import";

/** Channels learned for one address. It holds for no other address: authority over one implies none over another. */
export interface DatabaseEntry {
  /** The known address: an IP address in canonical spelling. */
  readonly address: string;
  /** Channels of the server handler there: 2 to 16, each at its own IP address. */
  readonly channels: readonly Address[];
  /** Its origin. */
  readonly source: EntrySource;
  /** Time of learning, in milliseconds since 1970. */
  readonly learned: number;
  /** Time of expiry, in milliseconds since 1970; null for never. */
  readonly expires: number | null;
  /** Id of the authenticating key, in hexadecimal; null if it was imported without one. */
  readonly key: string | null;
}

/** Tolerance for a clock that is set back, in milliseconds: entries from further in the future are not used. */
const TOLERANCE = 60_000;

/** True if an entry may be used. A wrong clock at the time of learning does not extend its life. */
export function isValid({ learned, expires }: DatabaseEntry, now: number): boolean {
  return expires === null || now < expires && now >= learned - TOLERANCE;
}

/** True if 80 % of an entry's lifetime are over. */
export function isDue({ learned, expires }: DatabaseEntry, now: number): boolean {
  return expires !== null && now >= learned + 0.8 * (expires - learned);
}

/** An entry in the format of `micss channels`. */
export type EntryJson = {
  readonly address: string;
  readonly channels: readonly string[];
  readonly source: EntrySource;
  readonly learned: string;
  readonly expires: string | null;
  readonly key: string | null;
};

/** Converts an entry to JSON, with formatted addresses and ISO 8601 times. */
export function entryToJson({ address, channels, source, learned, expires, key }: DatabaseEntry): EntryJson {
  return {
    address,
    channels: channels.map(formatAddress),
    source,
    learned: new Date(learned).toISOString(),
    expires: expires === null ? null : new Date(expires).toISOString(),
    key,
  };
}

/** A JSON value is not an entry. Message: "FIELD: what is wrong; what would be right". */
export class EntryError extends MicssError {}

/**
 * Reads an entry from a JSON value. Only `address` and `channels` are required.
 *
 * @param now Time of learning of an entry without one, in milliseconds since 1970.
 * @throws {EntryError} For the first mistake.
 */
export function entryFromJson(value: unknown, now: number): DatabaseEntry {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new EntryError(': not an entry; write {"address": ..., "channels": [...]}');
  }
  const known = ["address", "channels", "source", "learned", "expires", "key"];
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new EntryError(`.${unknown}: unknown field; known: ${known.join(", ")}`);
  const { address, channels, source = "import", learned, expires = null, key = null } = value as Record<
    string,
    unknown
  >;
  if (source !== "exchange" && source !== "import") {
    throw new EntryError('.source: unknown; write "exchange" or "import"');
  }
  if (key !== null && (typeof key !== "string" || !/^[0-9a-f]{16}$/.test(key))) {
    throw new EntryError(".key: not a key id; write 16 hexadecimal digits or null");
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
  if (typeof value === "string" && isIp(value)) return canonicalHost(value);
  throw new EntryError(".address: not an IP address; write one, without a port");
}

function readChannels(value: unknown): Address[] {
  if (!Array.isArray(value) || value.length < MIN_CHANNELS || value.length > MAX_CHANNELS) {
    throw new EntryError(`.channels: not a list of channels; write ${MIN_CHANNELS} to ${MAX_CHANNELS} addresses`);
  }
  const channels = value.map((item, index) => readChannel(item, `.channels[${index}]`));
  const hosts = channels.map(({ host }) => host);
  const twice = hosts.findIndex((host, index) => hosts.indexOf(host) < index);
  if (twice >= 0) {
    throw new EntryError(
      `.channels[${twice}]: ${hosts[twice]} is already a channel; two channels at one address share a path`,
    );
  }
  return channels;
}

function readChannel(value: unknown, field: string): Address {
  try {
    const { host, port } = parseAddress(String(value), DEFAULT_PORT);
    if (typeof value === "string" && isIp(host) && port !== 0) {
      return { host: canonicalHost(host), port };
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new EntryError(`${field}: not an address; write an IP address and port, such as "192.0.2.10:6522"`);
}

function readTime(value: unknown, field: string): number {
  const time = typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : NaN;
  if (Number.isNaN(time)) throw new EntryError(`${field}: not a time; write one like "2030-01-31T12:00:00Z"`);
  return time;
}
