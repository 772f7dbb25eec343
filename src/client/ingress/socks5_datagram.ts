/**
 * The header of UDP datagrams between an application and a SOCKS5 relay (RFC 1928, section 7). Pure.
 *
 * @module
 */
import type { Address } from "../../net/address.ts";
import { bytesHost } from "../../net/ip.ts";
import { destinationHost } from "./destination_host.ts";
import { AddressType } from "./socks5_messages.ts";

/** Length of the longest header, that of a name of 255 bytes. */
export const MAX_HEADER = 262;

/** Offsets of the fields in a header: reserved (2 bytes), fragment number, type of the address, address. */
const FRAGMENT = 2, TYPE = 3, ADDRESS = 4;

/** Length of the port, which ends the header. */
const PORT_LENGTH = 2;

/** A datagram without a valid header, or a part of a fragmented one, which this relay does not join. */
export type HeaderFault = "malformed" | "fragment";

/** Measures the header of a datagram in bytes; the rest is the payload. Does not judge the destination. */
export function headerLength(datagram: Uint8Array): number | HeaderFault {
  if (datagram.length <= ADDRESS || datagram[0] !== 0 || datagram[1] !== 0) return "malformed";
  if (datagram[FRAGMENT] !== 0) return "fragment";
  const length = ADDRESS + addressLength(datagram[TYPE]!, datagram[ADDRESS]!) + PORT_LENGTH;
  return length <= datagram.length ? length : "malformed";
}

/** @param first First byte of the address. */
function addressLength(type: number, first: number): number {
  switch (type) {
    case AddressType.Ipv4:
      return 4;
    case AddressType.Ipv6:
      return 16;
    case AddressType.Name:
      return 1 + first;
    default:
      return Infinity;
  }
}

/**
 * Decodes a header's destination; its host is as from `destinationHost`.
 *
 * @param header As long as {@linkcode headerLength} says.
 * @returns null if the name is invalid or the port 0.
 */
export function headerDestination(header: Uint8Array): Address | null {
  const address = header.subarray(ADDRESS, -PORT_LENGTH), [high = 0, low = 0] = header.subarray(-PORT_LENGTH);
  const port = high << 8 | low;
  const host = header[TYPE] === AddressType.Name
    ? destinationHost(String.fromCharCode(...address.subarray(1)))
    : bytesHost(address);
  return host === null || port === 0 ? null : { host, port };
}
