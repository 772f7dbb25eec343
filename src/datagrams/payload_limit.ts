import { PACKET_OVERHEAD } from "./packet.ts";

/** Longest packet, in bytes: that of an MTU of 9,000 over IPv4. */
export const MAX_PACKET = 8972;

/** Longest packet where the system does not tell a path's MTU, in bytes: that of 1,500 over IPv6. */
export const USUAL_PACKET = 1452;

/**
 * Says why a datagram was dropped as too large, for the log.
 *
 * @param length Its payload's, in bytes; with `more than ` where only a bound is known.
 * @param limit The longest payload that can be sent, in bytes.
 */
export function tooLargeReason(length: number | `more than ${number}`, limit: number): string {
  return `${length} bytes, at most ${limit} fit`;
}

/**
 * The longest payload of a datagram whose shares fit a packet on every path, in bytes.
 *
 * @param packets The longest packet that fits each path, in bytes; undefined where the system can't tell.
 */
export function payloadLimit(packets: Iterable<number | undefined>): number {
  let longest = MAX_PACKET;
  for (const packet of packets) longest = Math.min(longest, packet ?? USUAL_PACKET);
  return Math.max(0, longest - PACKET_OVERHEAD);
}
