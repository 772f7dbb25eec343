import { MAX_CHANNELS, MIN_CHANNELS } from "./associate.ts";
import { concat } from "./concat.ts";
import { WireError } from "./decoder.ts";

/** A TCP address as sent. */
export interface WireAddress {
  /** 4 or 16 bytes in network order. */
  readonly address: Uint8Array;
  /** 1 to 65,535. */
  readonly port: number;
}

const IPV4 = 4, IPV6 = 6;
const FAMILY_LENGTHS: Readonly<Record<number, number>> = { [IPV4]: 4, [IPV6]: 16 };

/** Encodes an address: family `u8` (4 or 6), the address, port `u16`. */
export function encodeAddress({ address, port }: WireAddress): Uint8Array {
  return concat([[address.length === FAMILY_LENGTHS[IPV4] ? IPV4 : IPV6], address, [port >>> 8, port]]);
}

/**
 * Decodes the addresses of a server's channels, one after the other to the end of `bytes` (docs/PROTOCOL.md 7.3).
 *
 * @throws {WireError} If they are malformed, fewer than 2 or more than 16, one is repeated, or one can't be connected to.
 */
export function decodeAddresses(bytes: Uint8Array): WireAddress[] {
  const channels: WireAddress[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = FAMILY_LENGTHS[bytes[at]!];
    if (length === undefined) throw new WireError(`an address has unknown family ${bytes[at]}`);
    if (at + 1 + length + 2 > bytes.length) throw new WireError("a list ends within an address");
    const address = bytes.slice(at + 1, at + 1 + length);
    const port = bytes[at + 1 + length]! << 8 | bytes[at + 2 + length]!;
    if (port === 0 || address.every((byte) => byte === 0)) throw new WireError("a list has an unusable address");
    channels.push({ address, port });
    at += 1 + length + 2;
  }
  if (channels.length < MIN_CHANNELS || channels.length > MAX_CHANNELS) {
    throw new WireError(`a list has ${channels.length} channels; must have ${MIN_CHANNELS} to ${MAX_CHANNELS}`);
  }
  // Two ports of one address share a path.
  if (new Set(channels.map(({ address }) => address.toHex())).size < channels.length) {
    throw new WireError("a list has two channels at one address");
  }
  return channels;
}
