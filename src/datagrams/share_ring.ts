import { copyEndpoint, ENDPOINT_WORDS } from "../net/endpoint.ts";

/** Entries of a ring. */
export const RING_ENTRIES = 1024;

/** Time that a share waits for the others of its datagram, in milliseconds. */
export const MAX_WAIT = 200;

/** Bytes of a buffer for shares of usual packets; longer shares get one each. */
const BUFFER = 2048;

/** Offset of shares in their buffers, that of a share in a packet modulo 8: schemes work in words of 8 bytes. */
export const SHARE_OFFSET = 6;

/** Free buffers that are kept. */
const MAX_FREE = 64;

/** Buffers for shares that wait, of all rings of one receiver. */
export class ShareBuffers {
  readonly #free: Uint8Array<ArrayBuffer>[] = [];

  /** A buffer for a share of a length, at offset {@linkcode SHARE_OFFSET}. */
  take(length: number): Uint8Array<ArrayBuffer> {
    const needed = SHARE_OFFSET + length;
    return needed > BUFFER ? new Uint8Array(needed) : this.#free.pop() ?? new Uint8Array(BUFFER);
  }

  /** Takes a buffer back. */
  give(buffer: Uint8Array<ArrayBuffer>): void {
    if (buffer.length === BUFFER && this.#free.length < MAX_FREE) this.#free.push(buffer);
  }
}

/**
 * The shares of incomplete datagrams that came on one channel. A share's entry is its sequence number's, modulo
 * {@linkcode RING_ENTRIES}; a later share evicts what is there. So whatever comes on one channel, it evicts only shares of
 * that channel, and no more of them than there are entries are ever held.
 */
export class ShareRing {
  readonly #buffers: ShareBuffers;
  /** Sequence number of each entry; -1 for none. */
  readonly #sequences = new Float64Array(RING_ENTRIES).fill(-1);
  readonly #times = new Float64Array(RING_ENTRIES);
  readonly #shares: (Uint8Array<ArrayBuffer> | undefined)[] = Array(RING_ENTRIES).fill(undefined);
  readonly #lengths = new Uint32Array(RING_ENTRIES);
  readonly #sources = new Uint32Array(RING_ENTRIES * ENDPOINT_WORDS);
  #count = 0;
  #bytes = 0;

  /** Creates an empty ring. */
  constructor(buffers: ShareBuffers) {
    this.#buffers = buffers;
  }

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

  /** The length in bytes of the share of a datagram that is held. */
  lengthOf(sequence: number): number {
    return this.#lengths[entryOf(sequence)]!;
  }

  /** A view of the share of a datagram that is held. */
  shareOf(sequence: number): Uint8Array<ArrayBuffer> {
    const at = entryOf(sequence);
    return this.#shares[at]!.subarray(SHARE_OFFSET, SHARE_OFFSET + this.#lengths[at]!);
  }

  /** Copies the address that the share of a datagram came from. */
  copySource(sequence: number, to: Uint32Array, toAt: number): void {
    copyEndpoint(this.#sources, entryOf(sequence) * ENDPOINT_WORDS, to, toAt);
  }

  /** Holds a share, which is copied. @returns True if another one had to go for it. */
  put(sequence: number, share: Uint8Array, source: Uint32Array, sourceAt: number, now: number): boolean {
    const at = entryOf(sequence), evicts = this.#drop(at), buffer = this.#buffers.take(share.length);
    buffer.set(share, SHARE_OFFSET);
    this.#shares[at] = buffer;
    this.#sequences[at] = sequence;
    this.#lengths[at] = share.length;
    this.#times[at] = now;
    copyEndpoint(source, sourceAt, this.#sources, at * ENDPOINT_WORDS);
    this.#count++;
    this.#bytes += buffer.length;
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

  #drop(at: number): boolean {
    const buffer = this.#shares[at];
    if (buffer === undefined) return false;
    this.#buffers.give(buffer);
    this.#shares[at] = undefined;
    this.#sequences[at] = -1;
    this.#count--;
    this.#bytes -= buffer.length;
    return true;
  }
}

function entryOf(sequence: number): number {
  return (sequence >>> 0) & (RING_ENTRIES - 1);
}
