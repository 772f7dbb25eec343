import type { Scheme } from "../sharing/scheme.ts";
import type { ChannelReader } from "./channel_reader.ts";
import type { ChannelFailed } from "./share_splitter.ts";

/**
 * The incoming half of an association: joins the shares that arrive on n channels to message bytes (paper, section
 * III-E).
 *
 * Only what has arrived on all channels can be joined, and a channel that is `READ_AHEAD` bytes ahead of that is not
 * read on: so the one that is furthest behind always is, and less than 2 n times that much is held.
 */
export class ShareJoiner implements UnderlyingDefaultSource<Uint8Array> {
  /**
   * Gives message bytes. A chunk is lent until the next `read`. The stream closes when a channel has ended in order, and
   * fails when one has failed, in either case after all that came whole.
   */
  readonly readable: ReadableStream<Uint8Array>;
  readonly #inlets: readonly ChannelReader[];
  readonly #scheme: Scheme;
  readonly #failed: ChannelFailed;
  #lent = 0;
  #wake: (() => void) | null = null;

  /**
   * A joiner that has read nothing.
   *
   * @param inlets The channels' inlets, one a share.
   * @param failed Makes the error that the stream has when a channel fails.
   */
  constructor(inlets: readonly ChannelReader[], scheme: Scheme, failed: ChannelFailed) {
    this.#inlets = inlets;
    this.#scheme = scheme;
    this.#failed = failed;
    const changed = () => this.#changed();
    for (const inlet of inlets) inlet.changed = changed;
    this.readable = new ReadableStream<Uint8Array>(this, { highWaterMark: 0 });
  }

  /** The stream's part: gives it a chunk, once there is one. */
  pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> | void {
    if (this.#lent > 0) this.#inlets[0]!.drop(this.#lent);
    this.#lent = 0;
    for (const inlet of this.#inlets) inlet.read();
    if (this.#due()) return this.#give(controller);
    return new Promise<void>((resolve) => this.#wake = resolve).then(() => this.#give(controller));
  }

  #changed(): void {
    for (let index = 0; index < this.#inlets.length; index++) {
      const inlet = this.#inlets[index]!;
      inlet.read();
      // At once, though what came before is still to be joined: the others may fail by then because this one did.
      if (inlet.ended !== null && inlet.ended.cause !== null) this.#failed(index, inlet.ended.cause);
    }
    if (this.#wake === null || !this.#due()) return;
    this.#wake();
    this.#wake = null;
  }

  /** Whether there is something to join, or a channel of which nothing is left has ended. */
  #due(): boolean {
    let all = true;
    for (const inlet of this.#inlets) {
      if (inlet.available > 0) continue;
      if (inlet.ended !== null) return true;
      all = false;
    }
    return all;
  }

  #give(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const inlets = this.#inlets;
    const index = inlets.findIndex((inlet) => inlet.ended !== null && inlet.available === 0);
    if (index >= 0) {
      const { cause } = inlets[index]!.ended!;
      const error = this.#failed(index, cause);
      if (cause !== null) throw error;
      return controller.close();
    }
    let length = Infinity;
    for (const inlet of inlets) length = Math.min(length, inlet.together);
    const shares = inlets.map((inlet) => inlet.front(length));
    this.#scheme.join(shares);
    for (let index = 1; index < inlets.length; index++) {
      inlets[index]!.drop(length);
      inlets[index]!.read();
    }
    this.#lent = length;
    controller.enqueue(shares[0]!);
  }
}
