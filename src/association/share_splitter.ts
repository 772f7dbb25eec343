import type { Connection } from "../net/connection.ts";
import type { PadSource } from "../sharing/system_pads.ts";
import type { Scheme } from "../sharing/scheme.ts";
import { giveBuffer, takeBuffer } from "../net/buffer_pool.ts";

/** Tells that channel `index` failed, and makes the error that the stream then has. */
export type ChannelFailed = (index: number, cause: unknown) => Error;

/**
 * The outgoing half of an association: splits message bytes and sends one share of them over each channel, on all at
 * once (paper, section III-E). The slowest channel sets the pace.
 *
 * Splitting and sending are one sink, and not a transform and a sink with a pipe between: of the 15 microseconds that a
 * small message takes from one association to the other, that saves 6.
 */
export class ShareSplitter implements UnderlyingSink<Uint8Array> {
  /**
   * Takes message bytes. A chunk of at most 524,324 bytes, a whole DATA frame, is only read, and lent to the stream until
   * its `write` settles; by then it is split, and its shares are on their way. Closing half-closes every channel after what
   * was written. Memory: the shares of two chunks, of which one is being sent while the other is split.
   */
  readonly writable: WritableStream<Uint8Array>;
  /** How many bytes each channel has taken. */
  readonly sent: number[];
  /** How many bytes are on their way or have left: what each channel will have taken in the end. */
  offered = 0;
  readonly #connections: readonly Connection[];
  readonly #scheme: Scheme;
  readonly #pads: PadSource;
  readonly #failed: ChannelFailed;
  /** Settles when the shares of the last chunk, and so of all before, have been written. */
  #last: Promise<void> = Promise.resolve();
  #failure: Error | null = null;

  /**
   * An outlet that has sent nothing.
   *
   * @param connections Their owner ends them; nobody else may write to them.
   * @param failed Makes the error that the stream has when a channel fails.
   */
  constructor(connections: readonly Connection[], scheme: Scheme, pads: PadSource, failed: ChannelFailed) {
    this.#connections = connections;
    this.#scheme = scheme;
    this.#pads = pads;
    this.#failed = failed;
    this.sent = connections.map(() => 0);
    this.writable = new WritableStream<Uint8Array>(this);
  }

  /** Resolves when all that was written so far has left for the channels; rejects when a channel failed before. */
  flushed(): Promise<void> {
    return this.#last;
  }

  /** The stream's part: splits a chunk and sends its shares. */
  async write(message: Uint8Array): Promise<void> {
    // Shares start where the message does in its word, as Scheme asks.
    const start = message.byteOffset % 8, end = start + message.length;
    const buffers = this.#connections.map(() => takeBuffer(end));
    const shares = buffers.map((buffer) => buffer.subarray(start, end));
    this.#scheme.split(message, shares, this.#pads);
    await this.#last;
    this.offered += message.length;
    this.#last = this.#sendShares(shares, buffers);
    // Who does not ask whether a chunk has left meets its failure in the next write.
    this.#last.catch(() => {});
  }

  /** The stream's part: half-closes every channel. */
  async close(): Promise<void> {
    await this.#last;
    await Promise.all(this.#connections.map((connection, index) => this.#closeWrite(connection, index)));
  }

  async #sendShares(shares: readonly Uint8Array[], buffers: readonly Uint8Array[]): Promise<void> {
    await Promise.all(this.#connections.map((connection, index) => this.#send(connection, index, shares[index]!)));
    // Only now: a failed write may leave another channel's under way, and its buffer must not serve again.
    buffers.forEach(giveBuffer);
  }

  async #send(connection: Connection, index: number, share: Uint8Array): Promise<void> {
    try {
      for (let rest = share;;) {
        const length = await connection.write(rest);
        this.sent[index]! += length;
        if (length === rest.length) return;
        rest = rest.subarray(length);
      }
    } catch (cause) {
      throw this.#failure ??= this.#failed(index, cause);
    }
  }

  async #closeWrite(connection: Connection, index: number): Promise<void> {
    try {
      await connection.closeWrite();
    } catch (cause) {
      throw this.#failure ??= this.#failed(index, cause);
    }
  }
}
