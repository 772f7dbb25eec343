import type { DatagramBatch } from "../net/datagram.ts";
import type { Scheme } from "../sharing/scheme.ts";
import type { PadSource } from "../sharing/system_pads.ts";
import { memory, SEALED } from "./memory.ts";
import { MAX_FLOW, MAX_SEQUENCE, MESSAGE_HEAD_LENGTH, PACKET_HEAD_LENGTH, PACKET_OVERHEAD } from "./packet.ts";
import { writeHead } from "./packet.ts";
import { MAX_MESSAGE, TAG_LENGTH, type TagKey } from "./tag.ts";

/** Options of a {@linkcode Sealer}. */
export interface SealerOptions {
  /** The key of this direction's tags. */
  readonly key: TagKey;
  /** Splits messages into shares. */
  readonly scheme: Scheme;
  /** A watched source of pads (`commonGuard`). */
  readonly pads: PadSource;
  /** The handle that the receiver gave each channel. */
  readonly handles: readonly Uint8Array[];
  /** Longest payload, in bytes: what fits a packet on every channel, less {@linkcode PACKET_OVERHEAD}. */
  readonly maxPayload: number;
  /** Most datagrams of a batch. */
  readonly capacity: number;
}

/**
 * Seals one direction's datagrams: numbers and tags them, and splits a batch of them into a packet on each channel.
 *
 * ```ts ignore
 * if (!sealer.isFull) sealer.add(flow, payload);
 * const count = sealer.flush(batches);
 * batches.forEach((batch, channel) => sockets[channel].send(batch, count));
 * ```
 */
export class Sealer {
  readonly #options: SealerOptions;
  /** Messages, each as far from the start as its packets are from that of their batches' data: all are split at once. */
  readonly #messages: Uint8Array<ArrayBuffer>;
  /** Offset and length of the packet of each. */
  readonly #offsets: Uint32Array<ArrayBuffer>;
  readonly #lengths: Uint32Array<ArrayBuffer>;
  /** The message that is sealed, where that is done, in a view that is made again only where the length changes. */
  #sealed = memory.subarray(SEALED, SEALED);
  #count = 0;
  /** Offset of the next packet. */
  #end = 0;
  /** Number of the next datagram that is flushed. */
  #sequence = 0;
  /** Datagrams that were not sealed, as their payload was longer than allowed. */
  tooLarge = 0;

  /** Creates a sealer whose first datagram has the number 0. @throws {RangeError} If payloads could be too long. */
  constructor(options: SealerOptions) {
    if (options.maxPayload > MAX_MESSAGE - MESSAGE_HEAD_LENGTH) throw new RangeError("too long a payload");
    this.#options = options;
    this.#messages = new Uint8Array(options.capacity * aligned(this.packetSize));
    this.#offsets = new Uint32Array(options.capacity);
    this.#lengths = new Uint32Array(options.capacity);
  }

  /** The size of the batches that {@linkcode Sealer.flush} takes: a packet's length at most, in bytes. */
  get packetSize(): number {
    return this.#options.maxPayload + PACKET_OVERHEAD;
  }

  /** Number of datagrams that wait to be flushed. */
  get count(): number {
    return this.#count;
  }

  /** True when the batch has to be flushed before another datagram is added. */
  get isFull(): boolean {
    return this.#count === this.#options.capacity;
  }

  /**
   * Adds a datagram to the batch.
   *
   * @param flow 0 to 65,535.
   * @param payload Copied.
   * @returns False, and counts it, if the payload is too long: nothing is added then.
   * @throws {RangeError} If the batch is full, or there are no more sequence numbers: a new key is due then.
   */
  add(flow: number, payload: Uint8Array): boolean {
    const { capacity, key, maxPayload } = this.#options;
    if (payload.length > maxPayload) {
      this.tooLarge++;
      return false;
    }
    const sequence = this.#sequence + this.#count;
    if (this.#count === capacity) throw new RangeError("the batch is full");
    if (sequence > MAX_SEQUENCE) throw new RangeError("no more sequence numbers");
    if (!(flow >= 0 && flow <= MAX_FLOW)) throw new RangeError(`a flow of ${flow}`);
    const length = MESSAGE_HEAD_LENGTH + payload.length;
    memory[SEALED + TAG_LENGTH] = flow >>> 8;
    memory[SEALED + TAG_LENGTH + 1] = flow;
    memory.set(payload, SEALED + MESSAGE_HEAD_LENGTH);
    key.writeSealed(sequence, length);
    if (this.#sealed.length !== length) this.#sealed = memory.subarray(SEALED, SEALED + length);
    this.#messages.set(this.#sealed, this.#end + PACKET_HEAD_LENGTH);
    this.#offsets[this.#count] = this.#end;
    this.#lengths[this.#count++] = PACKET_HEAD_LENGTH + length;
    this.#end = aligned(this.#end + PACKET_HEAD_LENGTH + length);
    return true;
  }

  /**
   * Splits the datagrams that were added, writes a packet of each into every channel's batch, and empties this one.
   *
   * @param batches One for each channel, of {@linkcode Sealer.packetSize} and at least the sealer's capacity. Their data,
   *   offsets and lengths are written, and nothing else of them.
   * @returns The number of datagrams.
   * @throws Whatever the source of pads throws; nothing must be sent then. The numbers of those datagrams are used up.
   */
  flush(batches: readonly DatagramBatch[]): number {
    const count = this.#count, first = this.#sequence, end = this.#end, { handles, scheme, pads } = this.#options;
    if (batches.length !== handles.length || batches.some(({ size }) => size !== this.packetSize)) {
      throw new RangeError("batches of another number or size");
    }
    try {
      // All at once, the few bytes between the messages, too: long pads are drawn several times faster.
      scheme.split(this.#messages.subarray(0, end), batches.map(({ data }) => data.subarray(0, end)), pads);
    } finally {
      this.#sequence += count;
      this.#count = this.#end = 0;
    }
    for (const [channel, { data, offsets, lengths }] of batches.entries()) {
      for (let index = 0; index < count; index++) {
        const at = offsets[index] = this.#offsets[index]!;
        writeHead(data, at, handles[channel]!, first + index);
        lengths[index] = this.#lengths[index]!;
      }
    }
    return count;
  }
}

/** The next multiple of 8: the offsets of messages and shares have to agree modulo that. */
function aligned(bytes: number): number {
  return bytes + 7 & ~7;
}
