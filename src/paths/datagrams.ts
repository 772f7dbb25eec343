import { payloadLimit } from "../datagrams/payload_limit.ts";
import type { Address } from "../net/address.ts";
import type { DatagramNetwork } from "../net/datagram.ts";

/** Bytes that WireGuard puts around a packet: a header of 16 and a tag of 16 (section 5.4.6 of its paper). */
const WIREGUARD_OVERHEAD = 32;

/** WireGuard pads packets to a multiple of this number of bytes. */
const WIREGUARD_PADDING = 16;

/** The largest datagrams that fit all channels of a server. */
export interface LargestDatagrams {
  /** Longest payload of an application's datagram, in bytes. */
  readonly maxPayload: number;
  /** Greatest MTU of a WireGuard tunnel that is carried by them, in bytes. */
  readonly wireguardMtu: number;
}

/**
 * Derives what fits all channels.
 *
 * @param packets The longest UDP payload that fits each channel, in bytes; undefined if unknown.
 * @returns Undefined if one is unknown.
 */
export function largestDatagrams(packets: readonly (number | undefined)[]): LargestDatagrams | undefined {
  if (packets.includes(undefined)) return undefined;
  const maxPayload = payloadLimit(packets), room = Math.max(0, maxPayload - WIREGUARD_OVERHEAD);
  return { maxPayload, wireguardMtu: room - room % WIREGUARD_PADDING };
}

/**
 * The longest UDP payload that reaches an address in one packet, as far as the system knows, in bytes; undefined if it
 * can't tell. Sends nothing.
 *
 * @param from Local IP address.
 * @param device Device that its packets are kept on.
 */
export function longestUdpPayload(
  network: DatagramNetwork,
  { to, from, device }: { readonly to: Address; readonly from: string; readonly device?: string },
): number | undefined {
  try {
    const options = device === undefined ? { outgoing: true } : { outgoing: true, device };
    const socket = network.bind({ host: from, port: 0 }, options);
    try {
      return socket.maxPayload(to);
    } finally {
      socket.close();
    }
  } catch {
    return undefined;
  }
}
