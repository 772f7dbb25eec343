import type { Chunk } from "../net/chunk.ts";
import type { ShareSender } from "./share_sender.ts";

/**
 * Chunks that may be on their way into the channels. With a second one, split while the first is being written, more memory is
 * in use than fits in a processor's cache, and a gigabyte takes 4 % more time.
 */
const AHEAD = 1;

/** Called when every channel has accepted a chunk. */
export type Written = () => void;

/**
 * Sends shares over n channels concurrently, chunk by chunk: the slowest of the channels that are needed sets the pace.
 * Closing half-closes every channel after the bytes written.
 */
export class ChannelsSink implements UnderlyingSink<readonly Chunk[]> {
  /** Accepts one share for each channel, all of one length, and releases them. */
  readonly writable: WritableStream<readonly Chunk[]>;
  readonly #senders: readonly ShareSender[];
  readonly #needed: number;
  readonly #written: Written;
  /** Channels that have not accepted the chunk being written yet, where all are needed; settles its write. */
  #left = 0;
  #settle: PromiseWithResolvers<void> | null = null;
  // One function each, rather than some for each chunk.
  readonly #sent = (): void => {
    if (--this.#left > 0) return;
    this.#written();
    this.#settle!.resolve();
  };
  readonly #failed = (error: unknown): void => this.#settle!.reject(error);

  /**
   * Creates a sink that has sent nothing.
   *
   * @param senders One for each share.
   * @param written Called when `needed` channels have accepted a chunk.
   * @param needed Default: all.
   */
  constructor(senders: readonly ShareSender[], written: Written, needed: number = senders.length) {
    this.#senders = senders;
    this.#needed = needed;
    this.#written = written;
    this.writable = new WritableStream<readonly Chunk[]>(this, new CountQueuingStrategy({ highWaterMark: AHEAD }));
  }

  /** Called by the stream: writes each share to its channel. */
  write(shares: readonly Chunk[]): Promise<void> {
    const senders = this.#senders;
    if (this.#needed < senders.length) {
      return first(this.#needed, senders.map((sender, index) => sender.send(shares[index]!)))
        .then(this.#written);
    }
    this.#left = senders.length;
    const { promise } = this.#settle = Promise.withResolvers<void>();
    for (let index = 0; index < senders.length; index++) {
      senders[index]!.send(shares[index]!).then(this.#sent, this.#failed);
    }
    return promise;
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
