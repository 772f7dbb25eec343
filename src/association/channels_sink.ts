import type { Chunk } from "../net/chunk.ts";
import type { Connection } from "../net/connection.ts";
import type { ChannelFailed } from "./channels_source.ts";

/**
 * Chunks that may be on their way into the channels. With a second one, split while the first is being written, more memory is
 * in use than fits in a processor's cache, and a gigabyte takes 4 % more time.
 */
const AHEAD = 1;

/** Called when every channel has accepted a chunk: its length in bytes. */
export type Written = (length: number) => void;

/**
 * Sends shares over n channels concurrently, chunk by chunk: the slowest channel sets the pace. Closing half-closes every
 * channel after the bytes written.
 */
export class ChannelsSink implements UnderlyingSink<readonly Chunk[]> {
  /** Accepts one share for each channel, all of one length, and releases them. */
  readonly writable: WritableStream<readonly Chunk[]>;
  /** Bytes that each channel has accepted. */
  readonly sent: number[];
  /** Bytes passed to each channel: accepted or on their way. */
  offered = 0;
  readonly #connections: readonly Connection[];
  readonly #failed: ChannelFailed;
  readonly #written: Written;
  #failure: Error | null = null;

  /**
   * Creates a sink that has sent nothing.
   *
   * @param connections One for each share. Their owner ends them; nothing else may write to them.
   * @param failed Creates the stream's error when a channel fails.
   */
  constructor(connections: readonly Connection[], failed: ChannelFailed, written: Written) {
    this.#connections = connections;
    this.#failed = failed;
    this.#written = written;
    this.sent = connections.map(() => 0);
    this.writable = new WritableStream<readonly Chunk[]>(this, new CountQueuingStrategy({ highWaterMark: AHEAD }));
  }

  /** Called by the stream: writes each share to its channel. */
  async write(shares: readonly Chunk[]): Promise<void> {
    const { length } = shares[0]!.bytes;
    this.offered += length;
    await Promise.all(
      this.#connections.map((connection, index) => this.#send(connection, index, shares[index]!.bytes)),
    );
    // Only on success: after a failed write, another channel's may still be using its share.
    for (const share of shares) share.release();
    this.#written(length);
  }

  /** Called by the stream: half-closes every channel. */
  async close(): Promise<void> {
    await Promise.all(this.#connections.map((connection, index) => this.#closeWrite(connection, index)));
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
