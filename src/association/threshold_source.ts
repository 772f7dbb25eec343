import { giveBuffer, takeBuffer } from "../net/buffer_pool.ts";
import { Chunk } from "../net/chunk.ts";
import { RecordDecoder } from "../records/record_decoder.ts";
import type { ThresholdScheme } from "../sharing/threshold.ts";
import type { Clock } from "../time/clock.ts";
import { atEndOfTurn } from "../time/turn.ts";
import type { ChannelReader } from "./channel_reader.ts";
import { sameBytes } from "./same_bytes.ts";
import { subsets } from "./subsets.ts";

/** Time that a part of a record, which can't be joined rightly from what has come, waits for further shares, in milliseconds. */
const MORE_SHARES_TIMEOUT = 2000;

/** One of so many parts is compared with the shares that were not needed: a channel that is not used may lie, too. */
const AUDITED = 32;

/** Bytes of verified bodies that are passed on together at most. */
const MAX_TOGETHER = 524_288;

/** Events of a {@linkcode ThresholdSource} for its owner, and a question. */
export interface ThresholdEvents {
  /** Reports that a channel failed that was needed, and creates the stream's error. */
  failed(index: number, cause: unknown): Error;
  /** Reports that a channel has ended in order, with all its bytes joined; true if the association goes on. */
  ended(index: number): Promise<boolean>;
  /** Reports that message bytes have been verified, and are needed no more. */
  joined(length: number): void;
  /** Reports channels that brought shares which are certainly wrong. */
  lied(indexes: readonly number[]): void;
  /** Returns true for a channel that brings nothing more for now. */
  isAway(index: number): boolean;
}

/**
 * Verified records from the shares of n channels, of which any k suffice (docs/PROTOCOL.md 3.6): the channels that are ahead
 * are used, and the others' shares are dropped when they come.
 *
 * A part of a record whose tag or hash is wrong is joined from other channels' shares. When it is right, the channels whose
 * shares do not fit it are known to lie, provided that so many fit that liars alone could not have made it up.
 */
export class ThresholdSource implements UnderlyingDefaultSource<readonly Chunk[]> {
  /** Bodies of records; their reader holds each. */
  readonly readable: ReadableStream<readonly Chunk[]>;
  readonly #readers: readonly ChannelReader[];
  readonly #scheme: ThresholdScheme;
  readonly #events: ThresholdEvents;
  readonly #clock: Clock;
  readonly #decoder: RecordDecoder;
  /** Offset of the next part of a record. */
  #at = 0;
  /** The channels used last. */
  #used: readonly number[] = [];
  /** Sets of channels that gave a wrong result for this part. */
  readonly #wrong = new Set<string>();
  #parts = 0;
  #wake: (() => void) | null = null;
  #cancel: (() => void) | null = null;
  #expired = false;

  /**
   * Creates a source; reading starts with the first `pull`.
   *
   * @param readers One for each share.
   */
  constructor(
    readers: readonly ChannelReader[],
    scheme: ThresholdScheme,
    events: ThresholdEvents,
    clock: Clock,
    decoder: RecordDecoder = new RecordDecoder(),
  ) {
    this.#readers = readers;
    this.#scheme = scheme;
    this.#events = events;
    this.#clock = clock;
    this.#decoder = decoder;
    const changed = () => this.#changed();
    for (const reader of readers) {
      reader.changed = changed;
      reader.readsOn = true;
    }
    this.readable = new ReadableStream<readonly Chunk[]>(this, { highWaterMark: 0 });
  }

  /** Called by the stream: enqueues the next verified bodies when there are some. */
  async pull(controller: ReadableStreamDefaultController<readonly Chunk[]>): Promise<void> {
    for (;;) {
      const bodies = this.#open();
      if (bodies.length > 0) {
        this.#read();
        return controller.enqueue(bodies);
      }
      const ended = this.#endedIndex();
      if (ended !== null) {
        const { cause } = this.#readers[ended]!.ended!;
        if (cause === null && await this.#events.ended(ended)) continue;
        const error = this.#events.failed(ended, cause);
        if (cause !== null) throw error;
        return controller.close();
      }
      atEndOfTurn(this.#read);
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** True if the next part of a record lacks bytes of this channel. */
  awaits(index: number): boolean {
    return this.#readers[index]!.received < this.#at + this.#decoder.needed;
  }

  /** True if a channel began, or began again, behind the next part of a record: it is of no use before that is joined. */
  isAhead(index: number): boolean {
    return this.#readers[index]!.next > this.#at;
  }

  /** Called by the stream when its reader gives up. */
  cancel(): void {
    this.#cancel?.();
  }

  readonly #read = (): void => {
    for (const reader of this.#readers) reader.read();
  };

  #changed(): void {
    for (const reader of this.#readers) {
      this.#dropPast(reader);
      reader.read();
    }
    this.#wake?.();
    this.#wake = null;
  }

  /** Drops what was joined without this channel. */
  #dropPast(reader: ChannelReader): void {
    const late = Math.min(reader.available, this.#at - reader.next);
    if (late > 0) reader.drop(late);
  }

  /** A channel that has ended, and has nothing that could be of use; null if there is none. */
  #endedIndex(): number | null {
    const index = this.#readers.findIndex(({ ended, available }) => ended !== null && available === 0);
    return index < 0 ? null : index;
  }

  /** Opens what can be opened now. */
  #open(): Chunk[] {
    const bodies: Chunk[] = [];
    for (let length = 0; length < MAX_TOGETHER;) {
      const { needed, atBoundary } = this.#decoder;
      const part = this.#next(needed);
      if (part === null) break;
      if (atBoundary) part.release();
      else {
        bodies.push(part);
        length += needed;
      }
    }
    return bodies;
  }

  /** Joins and verifies the next part of a record; null if there is none yet. */
  #next(length: number): Chunk | null {
    const ready = [...this.#readers.keys()].filter((index) => {
      const reader = this.#readers[index]!;
      this.#dropPast(reader);
      return reader.next === this.#at && reader.available >= length;
    });
    const { threshold } = this.#scheme;
    if (ready.length < threshold) return null;
    for (const chosen of this.#candidates(ready)) {
      const name = chosen.join();
      if (this.#wrong.has(name)) continue;
      const part = this.#join(chosen, length);
      if (this.#decoder.attempt(part.bytes)) {
        const isDue = ready.length > threshold && ++this.#parts % AUDITED === 0;
        if (this.#wrong.size > 0 || isDue) this.#blame(chosen, ready, part.bytes);
        this.#passed(chosen, length);
        return part;
      }
      part.release();
      this.#wrong.add(name);
    }
    this.#waitForMore(ready);
    return null;
  }

  /** Sets of channels to try: the one used last, as long as it can be. */
  *#candidates(ready: readonly number[]): Generator<readonly number[]> {
    if (this.#used.length > 0 && this.#used.every((index) => ready.includes(index))) yield this.#used;
    yield* subsets(ready, this.#scheme.threshold);
  }

  #join(chosen: readonly number[], length: number): Chunk {
    const buffer = takeBuffer(length), into = buffer.subarray(0, length);
    const [first, ...others] = chosen.map((index) => this.#readers[index]!.view(length));
    into.set(first!);
    this.#scheme.join([into, ...others], chosen);
    return new Chunk(into, () => giveBuffer(buffer));
  }

  #passed(chosen: readonly number[], length: number): void {
    this.#used = chosen;
    this.#wrong.clear();
    this.#cancel?.();
    this.#cancel = null;
    this.#expired = false;
    this.#at += length;
    for (const reader of this.#readers) this.#dropPast(reader);
    this.#events.joined(length);
  }

  /** Waits for the shares of further channels; without any, or for too long, the record is refused. */
  #waitForMore(ready: readonly number[]): void {
    const others = this.#readers.keys().filter((index) => !ready.includes(index) && !this.#events.isAway(index));
    if (this.#expired || others.next().done) this.#decoder.fail();
    this.#cancel ??= this.#clock.after(MORE_SHARES_TIMEOUT, () => {
      this.#expired = true;
      this.#changed();
    });
  }

  /**
   * Names the channels whose shares do not belong to a verified part, if that is certain: k-1 liars
   * and k-2 others can agree on a wrong polynomial that has the right message, and no more (docs/SECURITY.md).
   */
  #blame(chosen: readonly number[], ready: readonly number[], message: Uint8Array): void {
    const { threshold } = this.#scheme, base = chosen.slice(1);
    const shares = base.map((index) => this.#readers[index]!.view(message.length).slice());
    const expected = new Uint8Array(message.length);
    const wrong = ready.filter((index) => {
      if (base.includes(index)) return false;
      this.#scheme.reencode(message, shares, base, index, expected);
      return !sameBytes(expected, this.#readers[index]!.view(message.length));
    });
    const liars = threshold - 1;
    if (wrong.length > 0 && ready.length - wrong.length > liars + threshold - 2) this.#events.lied(wrong);
  }
}
