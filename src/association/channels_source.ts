import type { Chunk } from "../net/chunk.ts";
import { atEndOfTurn } from "../time/turn.ts";
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

/**
 * Shares from n channels, aligned: each chunk of the stream holds the next bytes of every channel, all of one length.
 *
 * Only bytes that have arrived on all channels pass. Reading pauses on a channel that is `READ_AHEAD` bytes ahead of that, but
 * never on the one furthest behind, so less than 2 n times `READ_AHEAD` bytes are buffered, and what is held downstream.
 */
export class ChannelsSource implements UnderlyingDefaultSource<readonly Chunk[]> {
  /**
   * The shares. Closes when a channel has ended in order, and fails when one has failed; in either case after all bytes that
   * arrived on every channel.
   */
  readonly readable: ReadableStream<readonly Chunk[]>;
  readonly #readers: readonly ChannelReader[];
  readonly #events: SourceEvents;
  #wake: (() => void) | null = null;
  readonly #readAll = (): void => {
    for (const reader of this.#readers) reader.read();
  };

  /**
   * Creates a source; reading starts with the first `pull`.
   *
   * @param readers One for each share.
   */
  constructor(readers: readonly ChannelReader[], events: SourceEvents) {
    this.#readers = readers;
    this.#events = events;
    const changed = () => this.#changed();
    for (const reader of readers) reader.changed = changed;
    this.readable = new ReadableStream<readonly Chunk[]>(this, { highWaterMark: 0 });
  }

  /** Called by the stream: enqueues the next shares when there are some. */
  pull(controller: ReadableStreamDefaultController<readonly Chunk[]>): Promise<void> | void {
    if (this.#ready()) {
      this.#readAll();
      return this.#enqueue(controller);
    }
    // Afterwards: starting to read takes longer than handling a short message, which may still be on its way down.
    atEndOfTurn(this.#readAll);
    return new Promise<void>((resolve) => this.#wake = resolve).then(() => this.#enqueue(controller));
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

  #enqueue(controller: ReadableStreamDefaultController<readonly Chunk[]>): Promise<void> | void {
    const readers = this.#readers;
    const index = readers.findIndex((reader) => reader.ended !== null && reader.available === 0);
    if (index >= 0) return this.#end(index, controller);
    let length = Infinity;
    for (const reader of readers) length = Math.min(length, reader.contiguous);
    this.#events.joined(length);
    controller.enqueue(readers.map((reader) => reader.take(length)));
  }

  async #end(index: number, controller: ReadableStreamDefaultController<readonly Chunk[]>): Promise<void> {
    const { cause } = this.#readers[index]!.ended!;
    if (cause === null && await this.#events.ended(index)) return this.pull(controller);
    const error = this.#events.failed(index, cause);
    if (cause !== null) throw error;
    controller.close();
  }
}
