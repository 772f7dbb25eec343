import { type Connection, readFull } from "../net/connection.ts";
import { WireError } from "../wire/decoder.ts";
import { COUNT_LENGTH, decodeCount } from "../wire/rejoin.ts";
import { affordable, giveBuffer, nextSize, SMALLEST_BUFFER, takeBuffer } from "../net/buffer_pool.ts";
import { Chunk } from "../net/chunk.ts";

/**
 * Number of unjoined bytes at which reading a channel pauses. The last read may add nearly as many, so a channel
 * buffers less than twice this number.
 */
export const READ_AHEAD = 524_288;

/**
 * Bytes available at which a channel is read ahead, which gives a flow 20 % more throughput. A channel with fewer is not
 * read until they are joined and its buffer can be rewound, which saves 10 % of a small message's round trip.
 */
const FLOWING = 8192;

/** A buffer of shares: the bytes from `start` to `end` are not taken yet. */
interface Segment {
  readonly buffer: Uint8Array;
  /** Number of the buffer's bytes that a read may fill; grows with the flow. */
  readonly size: number;
  start: number;
  end: number;
  /** Number of chunks taken and not released yet. */
  lent: number;
  /** True once nothing more is read into it: the last release gives the buffer back. */
  retired: boolean;
}

/**
 * Reads shares from one channel, and buffers them until they are joined.
 *
 * On every channel, byte k of the stream is at an offset congruent to k modulo 8 in its buffer, so that shares can be joined
 * word by word. Reading continues until the channel is {@linkcode READ_AHEAD} bytes ahead; then the kernel's buffer fills,
 * and TCP's window slows the sender.
 */
export class ChannelReader {
  /** Called after each arrival, and at the end. */
  changed: () => void = () => {};
  /**
   * Reads on while few bytes are available: set where they may be of no use without more, and once a connection has broken,
   * since what has arrived and is not read is lost with the next one, and would be sent again on each.
   */
  readsOn = false;
  /** Called when the connection fails; true if another one follows. */
  lost: (cause: unknown) => boolean = () => false;
  #connection: Connection;
  #paused = false;
  /** Resolves when the read in progress has settled. */
  #settled: PromiseWithResolvers<void> | null = null;
  readonly #segments: Segment[] = [];
  #size: number = SMALLEST_BUFFER;
  #reading = false;
  /** The segment that the read in progress fills. */
  #filling: Segment | null = null;
  // One function each, rather than one for each read.
  readonly #onRead = (length: number | null): void => {
    if (length === null) return this.#onError(null);
    this.#reading = false;
    if (this.ended === null) this.#arrived(this.#filling!, length);
    this.#tell();
  };
  readonly #onError = (cause: unknown): void => {
    this.#reading = false;
    this.#over(cause);
    this.#tell();
  };
  /** Offset behind the last byte received: the number of bytes received, and of those that were skipped. */
  received = 0;
  /** Number of bytes that were lost on this channel, as it was not joined to the association. */
  skipped = 0;
  /** Bytes received and not joined yet. */
  available = 0;
  /** Set when no more bytes will come; its cause is null after an orderly end. */
  ended: { readonly cause: unknown } | null = null;

  /**
   * Reads nothing yet.
   *
   * @param connection Its owner ends it, then releases the reader.
   */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The channel's connection, or its last one; this class only reads from it. */
  get connection(): Connection {
    return this.#connection;
  }

  /** Starts a read, unless one is in progress or the channel is far enough ahead. */
  read(): void {
    if (this.#reading || this.#paused || this.ended !== null || this.available >= READ_AHEAD) return;
    if (!this.readsOn && this.available > 0 && this.available < FLOWING) return;
    const segment = this.#filling = this.#tail();
    this.#reading = true;
    this.#connection.read(segment.buffer.subarray(segment.end, segment.size)).then(this.#onRead, this.#onError);
  }

  /** Reads no more until {@linkcode ChannelReader.resume}. Resolves when nothing more can arrive from an ended connection. */
  pause(): Promise<void> {
    this.#paused = true;
    this.ended = null;
    if (!this.#reading) return Promise.resolve();
    return (this.#settled ??= Promise.withResolvers()).promise;
  }

  /**
   * Goes on with another connection.
   *
   * @param announced True if the connection begins with the offset of what it brings; otherwise that is the byte behind those
   * received.
   */
  resume(connection: Connection, announced = false): void {
    this.#connection = connection;
    this.#paused = false;
    this.#settled = null;
    this.readsOn = true;
    if (announced) this.#readOffset(connection);
    else this.read();
  }

  /** Tells that a read has settled. */
  #tell(): void {
    this.#settled?.resolve();
    this.changed();
  }

  async #readOffset(connection: Connection): Promise<void> {
    const bytes = new Uint8Array(COUNT_LENGTH);
    this.#reading = true;
    let cause: unknown = null;
    try {
      await readFull(connection, bytes);
      if (!this.#paused) this.#startAt(decodeCount(bytes, 0));
    } catch (error) {
      cause = error;
    }
    this.#reading = false;
    if (cause !== null) this.#over(cause);
    this.#tell();
  }

  /** Goes on at an offset beyond what was received: what lies between is lost on this channel. */
  #startAt(offset: number): void {
    if (offset < this.received) throw new WireError("a channel that begins with bytes it has brought before");
    if (offset === this.received) return;
    for (const segment of this.#segments.splice(0)) this.#retire(segment);
    this.skipped += offset - this.received;
    this.received = offset;
    this.available = 0;
  }

  /** Offset of the next byte that can be taken, or that is to arrive. */
  get next(): number {
    return this.received - this.available;
  }

  /** Returns the next bytes without taking them. Valid until the next call. @param length At most `available`. */
  view(length: number): Uint8Array {
    const [first] = this.#segments;
    if (length <= first!.end - first!.start) return first!.buffer.subarray(first!.start, first!.start + length);
    const copy = new Uint8Array(length);
    let filled = 0;
    for (const { buffer, start, end } of this.#segments) {
      const part = buffer.subarray(start, Math.min(end, start + length - filled));
      copy.set(part, filled);
      if ((filled += part.length) === length) break;
    }
    return copy;
  }

  /** Drops bytes. @param length At most `available`. */
  drop(length: number): void {
    for (let left = length; left > 0;) {
      const part = Math.min(left, this.contiguous);
      this.take(part).release();
      left -= part;
    }
  }

  /** Number of next bytes that are contiguous: at least one if any are available. */
  get contiguous(): number {
    const { start, end } = this.#segments[0]!;
    return end - start;
  }

  /** Takes the next `length` bytes, which must be contiguous. The caller holds the chunk. */
  take(length: number): Chunk {
    const segment = this.#segments[0]!;
    const { buffer, start } = segment;
    segment.start += length;
    segment.lent++;
    this.available -= length;
    if (segment.start === segment.end && segment.end >= segment.size) this.#retire(this.#segments.shift()!);
    return new Chunk(buffer.subarray(start, start + length), () => this.#released(segment));
  }

  /**
   * Gives the buffers back to the pool as soon as their chunks are released, except for the last if a read is in progress,
   * which may still use it. The connection must have been ended.
   */
  release(): void {
    const segments = this.#segments.splice(0);
    if (this.#reading) segments.pop();
    for (const segment of segments) this.#retire(segment);
    this.available = 0;
    this.ended ??= { cause: null };
    // Otherwise nobody would tell who waits for bytes: the read that was to come does not begin any more.
    if (!this.#reading) this.changed();
  }

  #over(cause: unknown): void {
    if (this.ended === null && !this.#paused && (cause === null || !this.lost(cause))) this.ended = { cause };
  }

  #retire(segment: Segment): void {
    segment.retired = true;
    if (segment.lent === 0) giveBuffer(segment.buffer);
  }

  #released(segment: Segment): void {
    if (--segment.lent > 0) return;
    if (segment.retired) giveBuffer(segment.buffer);
    else if (segment.start === segment.end && !this.#reading) this.#rewind(segment);
  }

  #arrived(segment: Segment, length: number): void {
    const whole = segment.end === segment.start;
    segment.end += length;
    this.received += length;
    this.available += length;
    // A read into an empty segment shows how large the next one should be.
    if (segment.end >= segment.size) this.#size = nextSize(segment.size, segment.size);
    else if (whole) this.#size = nextSize(segment.size, length);
  }

  /** The segment to read into: the last if it has room, otherwise a new one. */
  #tail(): Segment {
    const last = this.#segments.at(-1);
    if (last !== undefined && last.start === last.end && last.lent === 0) {
      if (last.size === this.#size) {
        this.#rewind(last);
        return last;
      }
      this.#retire(this.#segments.pop()!);
    } else if (last !== undefined && last.end < last.size) return last;
    const phase = this.received % 8;
    const size = affordable(this.#size);
    const segment = { buffer: takeBuffer(size), size, start: phase, end: phase, lent: 0, retired: false };
    this.#segments.push(segment);
    return segment;
  }

  /** Reuses an empty segment from its start, at the offset that the stream's position requires. */
  #rewind(segment: Segment): void {
    segment.start = segment.end = this.received % 8;
  }
}
