import { concat } from "../wire/concat.ts";
import { WireError } from "../wire/decoder.ts";
import { PACKET_HANDLE_LENGTH } from "../wire/datagrams.ts";
import { TAG_LENGTH } from "./tag.ts";

/** Length in bytes of a packet's head: the handle, and the sequence number `u48`. */
export const PACKET_HEAD_LENGTH = 14;

/** Length in bytes of the tag and the flow, with which a message begins. */
export const MESSAGE_HEAD_LENGTH: number = TAG_LENGTH + 2;

/** Bytes of a packet beyond the payload of its datagram. */
export const PACKET_OVERHEAD: number = PACKET_HEAD_LENGTH + MESSAGE_HEAD_LENGTH;

/** Last sequence number. */
export const MAX_SEQUENCE: number = 2 ** 48 - 2;

/** The sequence number of packets about a return address: it is never a datagram's. */
const PATH_SEQUENCE = 2 ** 48 - 1;

/** Length in bytes of a challenge's token. */
export const TOKEN_LENGTH = 8;

/** Length in bytes of packets about a return address. */
export const PATH_LENGTH: number = PACKET_HEAD_LENGTH + 1 + TOKEN_LENGTH;

/** Greatest flow number. */
export const MAX_FLOW = 65_535;

/** Kinds of packets; the number of a challenge and of a response is the one on the wire. */
export enum PacketKind {
  /** A share of a datagram. */
  Share,
  /** Asks whether its receiver wants to be sent to at that address. */
  Challenge,
  /** Answers a challenge, with the same token. */
  Response,
}

/** A packet in parts, which are views of it. */
export type Packet =
  | {
    readonly kind: PacketKind.Share;
    readonly handle: Uint8Array;
    readonly sequence: number;
    readonly share: Uint8Array;
  }
  | {
    readonly kind: PacketKind.Challenge | PacketKind.Response;
    readonly handle: Uint8Array;
    readonly token: Uint8Array;
  };

/** The kind of a packet, by its length and a few bytes; null if it is malformed. Allocates nothing. */
export function packetKind(packet: Uint8Array): PacketKind | null {
  if (packet.length < PATH_LENGTH) return null;
  if (readSequence(packet) !== PATH_SEQUENCE) return packet.length < PACKET_OVERHEAD ? null : PacketKind.Share;
  const kind = packet[PACKET_HEAD_LENGTH];
  const isPath = kind === PacketKind.Challenge || kind === PacketKind.Response;
  return isPath && packet.length === PATH_LENGTH ? kind : null;
}

/** The sequence number of a packet of at least 14 bytes. */
export function readSequence(packet: Uint8Array): number {
  const high = packet[8]! << 8 | packet[9]!;
  return high * 2 ** 32 + ((packet[10]! << 24 | packet[11]! << 16 | packet[12]! << 8 | packet[13]!) >>> 0);
}

/** Writes a packet's head at `at`. */
export function writeHead(into: Uint8Array, at: number, handle: Uint8Array, sequence: number): void {
  for (let i = 0; i < PACKET_HANDLE_LENGTH; i++) into[at + i] = handle[i]!;
  const high = Math.floor(sequence / 2 ** 32);
  into[at + 8] = high >>> 8;
  into[at + 9] = high;
  into[at + 10] = sequence >>> 24;
  into[at + 11] = sequence >>> 16;
  into[at + 12] = sequence >>> 8;
  into[at + 13] = sequence;
}

/**
 * Takes a packet apart.
 *
 * @throws {WireError} If it is malformed.
 */
export function decodePacket(packet: Uint8Array): Packet {
  const kind = packetKind(packet), handle = packet.subarray(0, PACKET_HANDLE_LENGTH);
  switch (kind) {
    case null:
      throw new WireError(`a malformed packet of ${packet.length} bytes`);
    case PacketKind.Share:
      return { kind, handle, sequence: readSequence(packet), share: packet.subarray(PACKET_HEAD_LENGTH) };
    default:
      return { kind, handle, token: packet.subarray(PACKET_HEAD_LENGTH + 1) };
  }
}

/** Encodes a packet about a return address. */
export function encodePath(
  handle: Uint8Array,
  kind: PacketKind.Challenge | PacketKind.Response,
  token: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(PACKET_HEAD_LENGTH);
  writeHead(head, 0, handle, PATH_SEQUENCE);
  return concat([head, [kind], token]);
}
