import type { Chunk } from "../net/chunk.ts";
import type { ShareSender } from "./share_sender.ts";
import type { Splitter } from "./share_splitter.ts";

/**
 * Chunks that may be on their way into the channels. With a second one, split while the first is being written, more memory is
 * in use than fits in a processor's cache, and a gigabyte takes 4 % more time.
 */
const AHEAD = 1;

/** Called when every channel has accepted a chunk: its length in bytes. */
export type Written = (length: number) => void;

/**
 * Splits message bytes and sends the shares over n channels concurrently, chunk by chunk: the slowest of the channels that are
 * needed sets the pace. Closing half-closes every channel after the bytes written.
 */
export class ChannelsSink implements UnderlyingSink<Chunk> {
  /** Accepts message bytes, in chunks that fit a pooled buffer, and releases each once it is split. */
  readonly writable: WritableStream<Chunk>;
  readonly #split: Splitter;
  readonly #senders: readonly ShareSender[];
  readonly #needed: number;
  readonly #written: Written;

  /**
   * Creates a sink that has sent nothing.
   *
   * @param split Splits each chunk into a share for each sender, all of one length. Not a stage of its own, which costs more
   * than splitting a small message does (docs/BENCHMARKS.md).
   * @param senders One for each share.
   * @param written Called when `needed` channels have accepted a chunk.
   * @param needed Default: all.
   */
  constructor(split: Splitter, senders: readonly ShareSender[], written: Written, needed: number = senders.length) {
    this.#split = split;
    this.#senders = senders;
    this.#needed = needed;
    this.#written = written;
    this.writable = new WritableStream<Chunk>(this, new CountQueuingStrategy({ highWaterMark: AHEAD }));
  }

  /** Called by the stream: splits the message, and writes each share to its channel. */
  async write(message: Chunk): Promise<void> {
    const { length } = message.bytes, shares = this.#split(message);
    const sent = this.#senders.map((sender, index) => sender.send(shares[index]!));
    await (this.#needed === sent.length ? Promise.all(sent) : first(this.#needed, sent));
    this.#written(length);
  }

  /** Called by the stream: half-closes every channel. */
  async close(): Promise<void> {
    const closed = this.#senders.map((sender) => sender.closeWrite());
    await (this.#needed === closed.length ? Promise.all(closed) : first(this.#needed, closed));
  }
}

/** Resolves when a number of promises have; rejects when so many can't any more. */
function first(needed: number, promises: readonly Promise<void>[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let done = 0, failed = 0;
  for (const one of promises) {
    one.then(
      () => ++done === needed && resolve(),
      (error) => ++failed > promises.length - needed && reject(error),
    );
  }
  return promise;
}
