import { LARGEST_BUFFER } from "../net/buffer_pool.ts";
import type { Chunk } from "../net/chunk.ts";
import type { RecordEncoder } from "../records/record_encoder.ts";
import { RecordPace } from "../records/record_pace.ts";
import type { Clock } from "../time/clock.ts";
import { packedLength, RecordPacker } from "./record_packer.ts";
import type { Stream } from "./stream.ts";
import { laterInTurn } from "../time/turn.ts";

/** Microtasks within which the bytes that applications have sent become frames; it takes seven (Deno 2.6 and 2.9). */
const READ_TO_FRAME = 8;

/** Shortest chunk, in bytes, that tells something of the pace; for others, two looks at the clock would be a waste. */
const MIN_TIMED = 2048;

/**
 * The frames that wait to leave on an association, and their way into records: frames that come in one turn of the event loop
 * leave in one record, and in one write on every channel. Streams take turns; frames other than DATA go first.
 *
 * Holds at most a piece of each stream, which its stream bounds, and frames other than DATA, which the caller counts.
 */
export class Outbox implements UnderlyingDefaultSource<Chunk> {
  /** The records; each chunk is written at once. */
  readonly readable: ReadableStream<Chunk>;
  /** Number of chunks passed on. */
  passed = 0;
  readonly #encoder: RecordEncoder;
  readonly #clock: Clock;
  readonly #pace = new RecordPace();
  #frames: Uint8Array[] = [];
  #framesLength = 0;
  #streams: Stream[] = [];
  /** Resumes the pull that waits for frames. */
  #wake: (() => void) | null = null;
  #turning = false;
  /** True while a timer is about to send what waits for company. */
  #delayed = false;
  /** Number of chunks that every channel has accepted. */
  #written = 0;
  /** Number of chunks on their way into the channels whose time counts. */
  #timed = 0;
  /** Since when the first of them has been, in milliseconds of the clock. */
  #since = 0;
  readonly #flushing: (() => void)[] = [];
  /** Called once every channel has accepted the chunk with that number. */
  readonly #leaving: { readonly chunk: number; readonly left: () => void }[] = [];

  /**
   * Creates an empty outbox.
   *
   * @param encoder Seals the records; its errors become the stream's.
   */
  constructor(encoder: RecordEncoder, clock: Clock) {
    this.#encoder = encoder;
    this.#clock = clock;
    this.readable = new ReadableStream<Chunk>(this, { highWaterMark: 0 });
  }

  /**
   * Adds a frame other than DATA.
   *
   * @param soon Lets it wait for company, up to 2 ms: each write on every channel costs more than the frame.
   */
  push(frame: Uint8Array, soon = false): void {
    this.#frames.push(frame);
    this.#framesLength += frame.length;
    this.#poke(soon);
  }

  /** Number of frames that wait. */
  get waiting(): number {
    return this.#frames.length;
  }

  /** Adds a stream that has something to send. @param soon As for {@linkcode Outbox.push}. */
  ready(stream: Stream, soon = false): void {
    this.#streams.push(stream);
    this.#poke(soon);
  }

  /** Notes that every channel has accepted a chunk. */
  written(length: number): void {
    if (length >= MIN_TIMED) {
      const now = this.#clock.now();
      this.#pace.moved(length, now - this.#since);
      this.#since = now;
      this.#timed--;
    }
    this.#written++;
    while (this.#leaving.length > 0 && this.#leaving[0]!.chunk <= this.#written) this.#leaving.shift()!.left();
    if (this.#isFlushed) { for (const resume of this.#flushing.splice(0)) resume(); }
  }

  /** Calls back when every channel has accepted the chunk that is being packed; never, if a channel fails before. */
  whenLeft(left: () => void): void {
    this.#leaving.push({ chunk: this.passed + 1, left });
  }

  /** Resolves when everything has left; never, if a channel fails before. */
  flushed(): Promise<void> {
    this.#poke();
    return this.#isFlushed ? Promise.resolve() : new Promise((resolve) => this.#flushing.push(resolve));
  }

  /** Called by the stream: passes on what waits, or comes next. */
  pull(controller: ReadableStreamDefaultController<Chunk>): Promise<void> | void {
    if (!this.#isEmpty && this.#pass(controller)) return;
    return new Promise<void>((resolve) => this.#wake = resolve).then(() => this.pull(controller));
  }

  get #isEmpty(): boolean {
    return this.#frames.length === 0 && this.#streams.length === 0;
  }

  get #isFlushed(): boolean {
    return this.#isEmpty && this.passed === this.#written;
  }

  #poke(soon = false): void {
    if (this.#wake === null || this.#turning) return;
    if (soon) return this.#pokeSoon();
    this.#turning = true;
    laterInTurn(READ_TO_FRAME).then(() => {
      this.#turning = false;
      const wake = this.#wake;
      this.#wake = null;
      wake?.();
    });
  }

  #pokeSoon(): void {
    if (this.#delayed) return;
    this.#delayed = true;
    this.#clock.soon(() => {
      this.#delayed = false;
      if (!this.#isEmpty) this.#poke();
    });
  }

  #pass(controller: ReadableStreamDefaultController<Chunk>): boolean {
    const records = this.#inPlace() ?? this.#pack();
    if (records === null) return false;
    if (records.bytes.length >= MIN_TIMED && this.#timed++ === 0) this.#since = this.#clock.now();
    this.passed++;
    controller.enqueue(records);
    return true;
  }

  /** Seals a bulk flow's piece without copying it, if nothing else waits. */
  #inPlace(): Chunk | null {
    if (this.#frames.length > 0 || this.#streams.length !== 1) return null;
    const [stream] = this.#streams;
    this.#streams = [];
    const records = stream!.sealPiece(this.#encoder, this.#pace.longest);
    if (records === null) this.#streams.push(stream!);
    return records;
  }

  #pack(): Chunk | null {
    const frames = this.#frames, streams = this.#streams, maxBody = this.#pace.longest;
    let length = this.#framesLength;
    for (const stream of streams) length += stream.sendable;
    const most = packedLength(length, 2 * streams.length, maxBody);
    const packer = new RecordPacker(this.#encoder, Math.min(most, LARGEST_BUFFER), maxBody);
    let framesDone = 0, streamsDone = 0;
    while (framesDone < frames.length && packer.frame(frames[framesDone]!)) {
      this.#framesLength -= frames[framesDone++]!.length;
    }
    this.#frames = frames.slice(framesDone);
    // Streams with more to send queue again, behind the others.
    this.#streams = [];
    if (this.#frames.length === 0) {
      while (streamsDone < streams.length && streams[streamsDone]!.pack(packer)) streamsDone++;
    }
    this.#streams = [...streams.slice(streamsDone), ...this.#streams];
    return packer.finish();
  }
}
