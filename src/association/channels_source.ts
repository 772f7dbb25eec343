import type { Chunk } from "../net/chunk.ts";
import { laterInTurn } from "../time/turn.ts";
import type { ChannelReader } from "./channel_reader.ts";

/** Events of a {@linkcode ChannelsSource}, for its owner. */
export interface SourceEvents {
  /** Reports that a channel failed, and creates the stream's error. */
  failed(index: number, cause: unknown): Error;
  /** Reports that a channel has ended in order, with all its bytes joined; true if it goes on with another connection. */
  ended(index: number): Promise<boolean>;
  /** Reports that bytes of every channel have passed. */
  joined(length: number): void;
}

/** Microtasks within which what has arrived reaches an application; it takes two or three (Deno 2.9). */
const ARRIVAL_TO_APPLICATION = 6;

/**
 * Makes of aligned shares, one for each channel and all of one length, what the stream passes on; takes over their holding.
 *
 * @returns null if more shares are needed.
 */
export type Passed<T> = (shares: readonly Chunk[]) => T | null;

/**
 * Shares from n channels, aligned: each time the next bytes of every channel, and what they are joined to.
 *
 * Only bytes that have arrived on all channels pass. Reading pauses on a channel that is `READ_AHEAD` bytes ahead of that, but
 * never on the one furthest behind, so less than 2 n times `READ_AHEAD` bytes are buffered, and what is held downstream.
 */
export class ChannelsSource<T> implements UnderlyingDefaultSource<T> {
  /**
   * What was made of the shares. Closes when a channel has ended in order, and fails when one has failed; in either case after
   * all bytes that arrived on every channel.
   */
  readonly readable: ReadableStream<T>;
  readonly #readers: readonly ChannelReader[];
  readonly #events: SourceEvents;
  readonly #passed: Passed<T>;
  #wake: (() => void) | null = null;

  /**
   * Creates a source; reading starts with the first `pull`.
   *
   * @param readers One for each share.
   * @param passed Its errors become the stream's. Not stages of their own: each costs more than it takes to join and verify
   * a small message (docs/BENCHMARKS.md).
   */
  constructor(readers: readonly ChannelReader[], events: SourceEvents, passed: Passed<T>) {
    this.#passed = passed;
    this.#readers = readers;
    this.#events = events;
    const changed = () => this.#changed();
    for (const reader of readers) reader.changed = changed;
    this.readable = new ReadableStream<T>(this, { highWaterMark: 0 });
  }

  /** Called by the stream: enqueues what is made of the next shares, when there are some. */
  pull(controller: ReadableStreamDefaultController<T>): Promise<void> | void {
    if (this.#ready()) {
      this.#read();
      const done = this.#enqueue(controller);
      if (done !== false) return done;
    }
    return this.#wait(controller);
  }

  /** Enqueues when there is something. One promise, however many arrivals it takes: a record may come byte by byte. */
  async #wait(controller: ReadableStreamDefaultController<T>): Promise<void> {
    for (;;) {
      // Afterwards: starting to read takes longer than handling a short message, which may still be on its way down.
      laterInTurn(ARRIVAL_TO_APPLICATION).then(() => this.#read());
      await new Promise<void>((resolve) => this.#wake = resolve);
      const done = this.#enqueue(controller);
      if (done !== false) return done;
    }
  }

  #read(): void {
    for (const reader of this.#readers) reader.read();
  }

  #changed(): void {
    for (let index = 0; index < this.#readers.length; index++) {
      const reader = this.#readers[index]!;
      reader.read();
      // Immediately, though earlier bytes are still to be joined: by then other channels may fail because this one did.
      if (reader.ended !== null && reader.ended.cause !== null) this.#events.failed(index, reader.ended.cause);
    }
    if (this.#wake === null || !this.#ready()) return;
    this.#wake();
    this.#wake = null;
  }

  /** True if there are shares to pass, or an ended channel has none left. */
  #ready(): boolean {
    let all = true;
    for (const reader of this.#readers) {
      if (reader.available > 0) continue;
      if (reader.ended !== null) return true;
      all = false;
    }
    return all;
  }

  /** @returns False if more shares are needed; otherwise it has enqueued something, or does what an ended channel asks for. */
  #enqueue(controller: ReadableStreamDefaultController<T>): Promise<void> | void | false {
    const readers = this.#readers;
    do {
      const index = readers.findIndex((reader) => reader.ended !== null && reader.available === 0);
      if (index >= 0) return this.#end(index, controller);
      let length = Infinity;
      for (const reader of readers) length = Math.min(length, reader.contiguous);
      this.#events.joined(length);
      const passed = this.#passed(readers.map((reader) => reader.take(length)));
      if (passed !== null) return controller.enqueue(passed);
    } while (this.#ready());
    return false;
  }

  async #end(index: number, controller: ReadableStreamDefaultController<T>): Promise<void> {
    const { cause } = this.#readers[index]!.ended!;
    if (cause === null && await this.#events.ended(index)) return this.pull(controller);
    const error = this.#events.failed(index, cause);
    if (cause !== null) throw error;
    controller.close();
  }
}
