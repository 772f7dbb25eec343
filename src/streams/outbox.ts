import type { Shares } from "../association/association_options.ts";
import { LARGEST_BUFFER } from "../net/buffer_pool.ts";
import type { Chunk } from "../net/chunk.ts";
import type { RecordEncoder } from "../records/record_encoder.ts";
import { RecordPace } from "../records/record_pace.ts";
import { LONGEST_WHOLE_BODY } from "../short/layout.ts";
import type { Clock } from "../time/clock.ts";
import { FRAME_HEAD_LENGTH } from "../wire/frame.ts";
import { holdsKeys, streamOf } from "../wire/frame_encoder.ts";
import { Beat } from "./beat.ts";
import type { Padding, StreamCounters } from "./multiplexer_options.ts";
import { type KeyFrames, packedLength, RecordPacker } from "./record_packer.ts";
import { largestClass, MIN_CLASS, sizeClass } from "./size_classes.ts";
import type { Stream } from "./stream.ts";
import { atEndOfTurn } from "../time/turn.ts";

/**
 * Frames that may wait to leave for each stream that can be open. The other side reads all the time; where its channels have
 * stopped, the credit and the streams that it was granted let it cause no more than a RESULT, a RESET, and few grants of each.
 */
export const FRAMES_PER_STREAM = 8;

/** Shortest chunk, in bytes, that tells something of the pace; for others, two looks at the clock would be a waste. */
const MIN_TIMED = 2048;

/** Options of {@linkcode Outbox}. */
export interface OutboxOptions {
  /** Measures the pace, and beats. */
  readonly clock: Clock;
  /** Counts bytes of padding. */
  readonly counters: Pick<StreamCounters, "padding">;
  /** Returns what is done against an observer of sizes and times. Default: nothing. */
  readonly padding?: () => Padding;
  /** Length of the shares that records become on the channels. Default: full. */
  readonly shares?: Shares;
}

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
  readonly #endTurn = (): void => {
    this.#turning = false;
    this.#resume();
  };
  /** True while a timer is about to send what waits for company. */
  #delayed = false;
  /** Number of chunks that every channel has accepted. */
  #written = 0;
  /** Lengths in bytes of the chunks on their way into the channels. */
  readonly #lengths: number[] = [];
  /** Number of those whose time counts. */
  #timed = 0;
  /** Since when the first of them has been, in milliseconds of the clock. */
  #since = 0;
  readonly #flushing: (() => void)[] = [];
  /** Called once every channel has accepted the chunk with that number. */
  readonly #leaving: { readonly chunk: number; readonly left: () => void }[] = [];

  readonly #counters: Pick<StreamCounters, "padding">;
  readonly #padding: () => Padding;
  /** Maximum length in bytes of the body of a record that holds a frame with keys. */
  readonly #maxBodyWithKeys: number;
  readonly #beat: Beat;
  /** True from a beat until its write. */
  #due = false;

  /**
   * Creates an empty outbox.
   *
   * @param encoder Seals the records; its errors become the stream's.
   */
  constructor(encoder: RecordEncoder, options: OutboxOptions) {
    const { clock, counters, padding = () => "off", shares = "full" } = options;
    this.#encoder = encoder;
    this.#clock = clock;
    this.#counters = counters;
    this.#padding = padding;
    // Longer bodies are encrypted: whoever breaks a cipher must not get keys from what fewer channels than all carry.
    this.#maxBodyWithKeys = shares === "short" ? LONGEST_WHOLE_BODY : Infinity;
    this.#beat = new Beat(clock, () => this.#onBeat());
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
  written(): void {
    const length = this.#lengths.shift()!;
    if (length >= MIN_TIMED) {
      const now = this.#clock.now();
      this.#pace.moved(length, now - this.#since);
      this.#since = now;
      this.#timed--;
    }
    this.#written++;
    while (this.#leaving.length > 0 && this.#leaving[0]!.chunk <= this.#written) this.#leaving.shift()!.left();
    if (this.isFlushed) { for (const resume of this.#flushing.splice(0)) resume(); }
  }

  /** Calls back when every channel has accepted the chunk that is being packed; never, if a channel fails before. */
  whenLeft(left: () => void): void {
    this.#leaving.push({ chunk: this.passed + 1, left });
  }

  /** Resolves when everything has left; never, if a channel fails before. */
  flushed(): Promise<void> {
    this.#poke();
    return this.isFlushed ? Promise.resolve() : new Promise((resolve) => this.#flushing.push(resolve));
  }

  /** Ends the beat. */
  stop(): void {
    this.#beat.stop();
  }

  /** Called by the stream: passes on what waits, or comes next. */
  pull(controller: ReadableStreamDefaultController<Chunk>): Promise<void> | void {
    if (this.#mayPass && this.#pass(controller)) return;
    return new Promise<void>((resolve) => this.#wake = resolve).then(() => this.pull(controller));
  }

  get #mayPass(): boolean {
    return this.#due || !this.#isEmpty && !(this.#beat.running && this.#isSmall);
  }

  /** True if what waits fits into one write of a beat. */
  get #isSmall(): boolean {
    let length = this.#framesLength;
    for (const stream of this.#streams) length += stream.sendable + 2 * FRAME_HEAD_LENGTH;
    return length <= MIN_CLASS - FRAME_HEAD_LENGTH;
  }

  #onBeat(): void {
    // A write is still under way.
    if (this.#wake === null) return;
    this.#due = true;
    this.#resume();
  }

  /** Resumes the pull that waits, if one does. */
  #resume(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  get #isEmpty(): boolean {
    return this.#frames.length === 0 && this.#streams.length === 0;
  }

  /** True if everything has left. */
  get isFlushed(): boolean {
    return this.#isEmpty && this.passed === this.#written;
  }

  #poke(soon = false): void {
    if (this.#wake === null || this.#turning || this.#beat.running && this.#isSmall) return;
    if (soon) return this.#pokeSoon();
    this.#turning = true;
    atEndOfTurn(this.#endTurn);
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
    const padding = this.#padding();
    const records = padding === "off" ? this.#inPlace() ?? this.#pack() : this.#packPadded(padding === "beat");
    this.#due = false;
    if (records === null) return false;
    if (records.bytes.length >= MIN_TIMED && this.#timed++ === 0) this.#since = this.#clock.now();
    this.#lengths.push(records.bytes.length);
    this.passed++;
    controller.enqueue(records);
    return true;
  }

  /** Seals a bulk flow's piece without copying it, if no other stream waits. */
  #inPlace(): Chunk | null {
    if (this.#streams.length !== 1) return null;
    const [stream] = this.#streams, frames = this.#frames;
    // They all go into one record.
    if (this.#framesLength > this.#maxBodyWithKeys && frames.some(holdsKeys)) return null;
    this.#streams = [];
    const records = stream!.sealPiece(this.#encoder, this.#pace.longest, frames);
    if (records === null) this.#streams.push(stream!);
    else if (frames.length > 0) {
      this.#frames = [];
      this.#framesLength = 0;
    }
    return records;
  }

  /** The frames with keys that wait; null unless shares are short. */
  get #keys(): KeyFrames | null {
    const maxBody = this.#maxBodyWithKeys;
    return maxBody === Infinity ? null : { maxBody, count: this.#frames.filter(holdsKeys).length };
  }

  #pack(): Chunk | null {
    const frames = this.#frames, streams = this.#streams, maxBody = this.#pace.longest;
    let length = this.#framesLength;
    for (const stream of streams) length += stream.sendable;
    const keys = this.#keys, most = packedLength(length, 2 * streams.length, maxBody, keys?.count);
    const packer = new RecordPacker(this.#encoder, Math.min(most, LARGEST_BUFFER), maxBody, keys);
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

  /**
   * Packs a burst of each stream, padded to its size class before another follows: else one stream's bytes would tell the
   * length of another's. What fits into a beat's write fills it, with padding alone if nothing waits.
   */
  #packPadded(beats: boolean): Chunk | null {
    const streams = new Map(this.#streams.map((stream) => [stream.number, stream]));
    const bursts = burstsOf(this.#frames, this.#streams);
    const withData = this.#streams.some(({ sendable }) => sendable > 0);
    if (beats && withData && this.#isSmall) this.#beat.renew();
    const inOne = beats && this.#isSmall && this.#beat.running;
    const length = this.#framesLength + this.#streams.reduce((sum, { sendable }) => sum + sendable, 0);
    const count = bursts.length + 1, maxBody = this.#pace.longest, keys = this.#keys;
    const most = packedLength(Math.ceil(1.125 * length) + 2 * MIN_CLASS * count, 2 * count, maxBody, keys?.count);
    const packer = new RecordPacker(this.#encoder, Math.min(most, LARGEST_BUFFER), maxBody, keys);
    this.#frames = [];
    this.#framesLength = 0;
    // Streams with more to send queue again, behind the others.
    this.#streams = [];
    let burst = 0, full = false;
    for (const { stream: number, frames } of bursts) {
      const stream = streams.get(number);
      if (!full && !inOne) packer.most = packer.framed + largestClass(packer.room) - FRAME_HEAD_LENGTH;
      let done = 0;
      while (!full && done < frames.length && packer.frame(frames[done]!)) done++;
      const left: Uint8Array[] = frames.slice(done);
      full ||= left.length > 0 || stream !== undefined && !stream.pack(packer);
      this.#frames.push(...left);
      for (const frame of left) this.#framesLength += frame.length;
      if (stream !== undefined && full) this.#streams.push(stream);
      if (!inOne && packer.framed > burst) burst = this.#pad(packer, burst);
    }
    if (inOne) this.#pad(packer, burst);
    return packer.finish();
  }

  /** Pads what was packed since `from` bytes of frames to its size class. @returns The number of bytes of frames. */
  #pad(packer: RecordPacker, from: number): number {
    const length = packer.framed - from, padding = sizeClass(length + FRAME_HEAD_LENGTH) - length;
    packer.pad(padding);
    this.#counters.padding += padding;
    return packer.framed;
  }
}

/** The frames that wait by their stream, in the order of their first ones; those of the association go first. */
function burstsOf(
  frames: readonly Uint8Array[],
  streams: readonly Stream[],
): { stream: number; frames: Uint8Array[] }[] {
  const byStream = new Map<number, Uint8Array[]>([[0, []]]);
  for (const frame of frames) {
    const stream = streamOf(frame);
    const those = byStream.get(stream);
    if (those === undefined) byStream.set(stream, [frame]);
    else those.push(frame);
  }
  for (const { number } of streams) if (!byStream.has(number)) byStream.set(number, []);
  return [...byStream].map(([stream, frames]) => ({ stream, frames }));
}
