import { copyEndpoint, ENDPOINT_WORDS } from "../net/endpoint.ts";
import { memory, PACKET_ROOM, ROOM_COUNT, ROOMS } from "./memory.ts";
import { PACKET_HEAD_LENGTH } from "./packet.ts";

/** Entries of a ring. */
export const RING_ENTRIES = 1024;

/** Time that a share waits for the others of its datagram, in milliseconds of a `WaitingTime`. */
export const MAX_WAIT = 200;

/** A packet that waits, at the start of a room in the module's memory; outside of that if it is long or no room is free. */
class HeldPacket {
  /** The room. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Its address; 0 if it is not in the memory. */
  readonly address: number;
  /** Its share: a view that is made again only where the length changes, as most are of one length. */
  share: Uint8Array<ArrayBuffer>;

  constructor(bytes: Uint8Array<ArrayBuffer>, address: number) {
    this.share = this.bytes = bytes;
    this.address = address;
  }

  set(packet: Uint8Array): void {
    this.bytes.set(packet);
    const length = packet.length - PACKET_HEAD_LENGTH;
    if (this.share.length !== length) this.share = this.bytes.subarray(PACKET_HEAD_LENGTH, packet.length);
  }
}

/** Free rooms of a thread, for all its rings, and the number of those that are made. */
const free: HeldPacket[] = [];
let made = 0;

function take(length: number): HeldPacket {
  if (length > PACKET_ROOM || free.length === 0 && made === ROOM_COUNT) {
    return new HeldPacket(new Uint8Array(length), 0);
  }
  const held = free.pop();
  if (held !== undefined) return held;
  const address = ROOMS + PACKET_ROOM * made++;
  return new HeldPacket(memory.subarray(address, address + PACKET_ROOM), address);
}

function give(held: HeldPacket): void {
  if (held.address !== 0) free.push(held);
}

/**
 * The shares of incomplete datagrams that came on one channel. A share's entry is its sequence number's, modulo
 * {@linkcode RING_ENTRIES}; a later share evicts what is there. So whatever comes on one channel, it evicts only shares of
 * that channel, and no more of them than there are entries are ever held.
 */
export class ShareRing {
  /** Sequence number of each entry; -1 for none. */
  readonly #sequences = new Float64Array(RING_ENTRIES).fill(-1);
  readonly #times = new Float64Array(RING_ENTRIES);
  readonly #packets: (HeldPacket | undefined)[] = Array(RING_ENTRIES).fill(undefined);
  readonly #sources = new Uint32Array(RING_ENTRIES * ENDPOINT_WORDS);
  readonly #classes = new Uint8Array(RING_ENTRIES);
  #count = 0;
  #bytes = 0;

  /** Number of shares held. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of the buffers of shares held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Reports whether a share of a datagram is held and has not waited too long. @param now In milliseconds. */
  has(sequence: number, now: number): boolean {
    const at = entryOf(sequence);
    return this.#sequences[at] === sequence && now - this.#times[at]! <= MAX_WAIT;
  }

  /** The share of a datagram that is held: only to be read, and until it is dropped. */
  shareOf(sequence: number): Uint8Array<ArrayBuffer> {
    return this.#packets[entryOf(sequence)]!.share;
  }

  /** Its address in the module's memory; 0 if it is not there. */
  addressOf(sequence: number): number {
    const { address } = this.#packets[entryOf(sequence)]!;
    return address === 0 ? 0 : address + PACKET_HEAD_LENGTH;
  }

  /** Copies the address that the share of a datagram came from. */
  copySource(sequence: number, to: Uint32Array, toAt: number): void {
    copyEndpoint(this.#sources, entryOf(sequence) * ENDPOINT_WORDS, to, toAt);
  }

  /** Traffic class of the packet with the share of a datagram. */
  classOf(sequence: number): number {
    return this.#classes[entryOf(sequence)]!;
  }

  /** Holds the share in a packet, which is copied. @returns True if another one had to go for it. */
  put(
    sequence: number,
    packet: Uint8Array,
    source: Uint32Array,
    sourceAt: number,
    now: number,
    trafficClass = 0,
  ): boolean {
    const at = entryOf(sequence), evicts = this.#drop(at), held = take(packet.length);
    held.set(packet);
    this.#packets[at] = held;
    this.#sequences[at] = sequence;
    this.#times[at] = now;
    this.#classes[at] = trafficClass;
    copyEndpoint(source, sourceAt, this.#sources, at * ENDPOINT_WORDS);
    this.#count++;
    this.#bytes += held.bytes.length;
    return evicts;
  }

  /** Lets go of the share of a datagram, if it is held. */
  drop(sequence: number): void {
    const at = entryOf(sequence);
    if (this.#sequences[at] === sequence) this.#drop(at);
  }

  /** Lets go of all shares that have waited too long. @returns Their number. */
  expire(now: number): number {
    let expired = 0;
    for (let at = 0; this.#count > 0 && at < RING_ENTRIES; at++) {
      if (now - this.#times[at]! > MAX_WAIT && this.#drop(at)) expired++;
    }
    return expired;
  }

  /** Lets go of all shares. */
  clear(): void {
    for (let at = 0; this.#count > 0 && at < RING_ENTRIES; at++) this.#drop(at);
  }

  #drop(at: number): boolean {
    const held = this.#packets[at];
    if (held === undefined) return false;
    give(held);
    this.#packets[at] = undefined;
    this.#sequences[at] = -1;
    this.#count--;
    this.#bytes -= held.bytes.length;
    return true;
  }
}

function entryOf(sequence: number): number {
  return (sequence >>> 0) & (RING_ENTRIES - 1);
}
