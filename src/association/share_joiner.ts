import type { Scheme } from "../sharing/scheme.ts";
import type { ChannelReader } from "./channel_reader.ts";
import type { ChannelFailed } from "./share_splitter.ts";

/**
 * The incoming half of an association: joins the shares from n channels to message bytes (paper, section III-E).
 *
 * Only bytes that have arrived on all channels can be joined. Reading pauses on a channel that is `READ_AHEAD` bytes ahead
 * of that, but never on the one furthest behind, so less than 2 n times `READ_AHEAD` bytes are buffered.
 */
export class ShareJoiner implements UnderlyingDefaultSource<Uint8Array> {
  /**
   * The message bytes. A chunk is lent until the next `read`. Closes when a channel has ended in order, and fails when one
   * has failed; in either case after all bytes that arrived on every channel.
   */
  readonly readable: ReadableStream<Uint8Array>;
  readonly #readers: readonly ChannelReader[];
  readonly #scheme: Scheme;
  readonly #failed: ChannelFailed;
  #lent = 0;
  #wake: (() => void) | null = null;

  /**
   * Creates a joiner; reading starts with the first `pull`.
   *
   * @param readers One for each share.
   * @param failed Creates the stream's error when a channel fails.
   */
  constructor(readers: readonly ChannelReader[], scheme: Scheme, failed: ChannelFailed) {
    this.#readers = readers;
    this.#scheme = scheme;
    this.#failed = failed;
    const changed = () => this.#changed();
    for (const reader of readers) reader.changed = changed;
    this.readable = new ReadableStream<Uint8Array>(this, { highWaterMark: 0 });
  }

  /** Called by the stream: enqueues the next chunk when there is one. */
  pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> | void {
    if (this.#lent > 0) this.#readers[0]!.drop(this.#lent);
    this.#lent = 0;
    for (const reader of this.#readers) reader.read();
    if (this.#ready()) return this.#enqueue(controller);
    return new Promise<void>((resolve) => this.#wake = resolve).then(() => this.#enqueue(controller));
  }

  #changed(): void {
    for (let index = 0; index < this.#readers.length; index++) {
      const reader = this.#readers[index]!;
      reader.read();
      // Immediately, though earlier bytes are still to be joined: by then other channels may fail because this one did.
      if (reader.ended !== null && reader.ended.cause !== null) this.#failed(index, reader.ended.cause);
    }
    if (this.#wake === null || !this.#ready()) return;
    this.#wake();
    this.#wake = null;
  }

  /** True if there are bytes to join, or an ended channel has none left. */
  #ready(): boolean {
    let all = true;
    for (const reader of this.#readers) {
      if (reader.available > 0) continue;
      if (reader.ended !== null) return true;
      all = false;
    }
    return all;
  }

  #enqueue(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const readers = this.#readers;
    const index = readers.findIndex((reader) => reader.ended !== null && reader.available === 0);
    if (index >= 0) {
      const { cause } = readers[index]!.ended!;
      const error = this.#failed(index, cause);
      if (cause !== null) throw error;
      return controller.close();
    }
    let length = Infinity;
    for (const reader of readers) length = Math.min(length, reader.contiguous);
    const shares = readers.map((reader) => reader.front(length));
    this.#scheme.join(shares);
    for (let index = 1; index < readers.length; index++) {
      readers[index]!.drop(length);
      readers[index]!.read();
    }
    this.#lent = length;
    controller.enqueue(shares[0]!);
  }
}
