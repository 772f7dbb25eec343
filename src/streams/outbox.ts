import { LARGEST_BUFFER } from "../net/buffer_pool.ts";
import type { Chunk } from "../net/chunk.ts";
import type { RecordEncoder } from "../records/record_encoder.ts";
import { RecordPace } from "../records/record_pace.ts";
import type { Clock } from "../time/clock.ts";
import { packedLength, RecordPacker } from "./record_packer.ts";
import type { Stream } from "./stream.ts";
import { endOfTurn } from "./turn.ts";

/**
 * The frames that wait to leave on an association, and their way into records: frames that come in one turn of the event loop
 * leave in one record, and in one write on every channel. Streams take turns; frames other than DATA go first.
 *
 * Holds at most a piece of each stream, which its stream bounds, and frames other than DATA, whose senders bound them.
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
  /** Number of chunks that every channel has accepted. */
  #written = 0;
  /** Since when something has been on its way into the channels, in milliseconds of the clock. */
  #since = 0;
  readonly #flushing: (() => void)[] = [];
  /** Whom to tell that every channel has accepted a chunk, by the chunk's number. */
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

  /** Adds a frame other than DATA. */
  push(frame: Uint8Array): void {
    this.#frames.push(frame);
    this.#framesLength += frame.length;
    this.#poke();
  }

  /** Adds a stream that has something to send. */
  ready(stream: Stream): void {
    this.#streams.push(stream);
    this.#poke();
  }

  /** Notes that every channel has accepted a chunk. */
  written(length: number): void {
    const now = this.#clock.now();
    this.#pace.moved(length, now - this.#since);
    this.#since = now;
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

  #poke(): void {
    if (this.#wake === null || this.#turning) return;
    this.#turning = true;
    endOfTurn().then(() => {
      this.#turning = false;
      const wake = this.#wake;
      this.#wake = null;
      wake?.();
    });
  }

  #pass(controller: ReadableStreamDefaultController<Chunk>): boolean {
    const records = this.#inPlace() ?? this.#pack();
    if (records === null) return false;
    if (this.passed++ === this.#written) this.#since = this.#clock.now();
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
