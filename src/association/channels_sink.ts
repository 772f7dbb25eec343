import type { Chunk } from "../net/chunk.ts";
import type { ShareSender } from "./share_sender.ts";

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
  readonly #senders: readonly ShareSender[];
  readonly #written: Written;

  /** Creates a sink that has sent nothing. @param senders One for each share. */
  constructor(senders: readonly ShareSender[], written: Written) {
    this.#senders = senders;
    this.#written = written;
    this.writable = new WritableStream<readonly Chunk[]>(this, new CountQueuingStrategy({ highWaterMark: AHEAD }));
  }

  /** Called by the stream: writes each share to its channel. */
  async write(shares: readonly Chunk[]): Promise<void> {
    const { length } = shares[0]!.bytes;
    await Promise.all(this.#senders.map((sender, index) => sender.send(shares[index]!)));
    this.#written(length);
  }

  /** Called by the stream: half-closes every channel. */
  async close(): Promise<void> {
    await Promise.all(this.#senders.map((sender) => sender.closeWrite()));
  }
}
