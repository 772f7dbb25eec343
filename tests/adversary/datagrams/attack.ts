/** An adversary's changes to packets of datagrams, and its hands. */
import { PACKET_HEAD_LENGTH, readSequence } from "../../../src/datagrams/packet.ts";
import { type Endpoint, endpointOf } from "../../../src/net/endpoint.ts";
import type { DatagramCounts } from "../../../src/datagrams/counts.ts";
import type { Packet } from "../../support/network/memory_datagrams.ts";
import type { Random } from "../../support/random/random.ts";

/** A packet of an attacked client on a channel of the adversary's. */
export interface Seen {
  readonly packet: Packet;
  readonly channel: number;
  readonly client: "alice" | "bob";
  /** True on its way to the server. */
  readonly up: boolean;
}

/** An adversary's possibilities. */
export interface Hands {
  readonly random: Random;
  /** Its channels. */
  readonly owned: readonly number[];
  /** All that it has seen, oldest first. */
  readonly history: readonly Seen[];
  /** Sends a packet, from any address. */
  readonly inject: (packet: Packet) => void;
  /** Has something done after each round. */
  readonly eachRound: (action: () => void) => void;
}

/** An attack. */
export interface DatagramAttack {
  readonly name: string;
  /** Channels that it needs. Default: 1. */
  readonly least?: number;
  /** True if it takes nothing away: all datagrams must arrive, even where every share is needed. */
  readonly harmless?: boolean;
  /** Counts of which at least one must tell of it. */
  readonly counts?: readonly (keyof DatagramCounts)[];
  /** Begins. @returns What becomes of each packet that it sees. */
  readonly begin: (hands: Hands) => (seen: Seen) => readonly Packet[];
}

/** An address that has nothing to do with any of them, and that an adversary sends from. */
export const VICTIM: Endpoint = endpointOf({ host: "203.0.113.9", port: 9999 });

/** Another one, that of a stranger who sends there without any handle. */
export const STRANGER: Endpoint = endpointOf({ host: "203.0.113.66", port: 6666 });

/** A packet with other bytes. */
export function withBytes(packet: Packet, bytes: Uint8Array<ArrayBuffer>): Packet {
  return { ...packet, bytes };
}

/** A packet with a bit flipped in one of the bytes from `from` on, before `end`, if it has any. */
export function flipped(packet: Packet, random: Random, from: number, end = packet.bytes.length): Packet {
  const bytes = packet.bytes.slice(), last = Math.min(end, bytes.length);
  if (from < last) bytes[from + random.below(last - from)]! ^= 1 << random.below(8);
  return withBytes(packet, bytes);
}

/** A packet with another one's share. */
export function withShare(packet: Packet, other: Packet): Packet {
  const bytes = new Uint8Array(other.bytes);
  bytes.set(packet.bytes.subarray(0, PACKET_HEAD_LENGTH));
  return withBytes(packet, bytes);
}

/** A packet with another handle. */
export function withHandle(packet: Packet, handle: Uint8Array): Packet {
  const bytes = packet.bytes.slice();
  bytes.set(handle.subarray(0, 8));
  return withBytes(packet, bytes);
}

/** Reports whether a packet carries a share, and is not about a return address. */
export function isShare({ bytes }: Packet): boolean {
  return readSequence(bytes) < 2 ** 48 - 1;
}
