import type { Stream, StreamReceiver } from "../streams/stream.ts";
import type { Clock } from "../time/clock.ts";
import { WireError } from "../wire/decoder.ts";
import { ResetCode } from "../wire/frame.ts";

/** Time limit for the other side to end a flow that this side has ended, in milliseconds. */
const END_TIMEOUT = 1000;

/** Receives what arrives on the stream of a flow of datagrams: its answer and its end, and never DATA. */
export class FlowStream implements StreamReceiver {
  readonly #answer = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<void>();

  /** Waits for a stream. */
  constructor() {
    // They are not always awaited.
    this.#answer.promise.catch(() => {});
    this.#over.promise.catch(() => {});
  }

  /** On a client: settles with the answer to OPEN. Rejects with a `TargetError`, or when the stream fails before. */
  get answer(): Promise<void> {
    return this.#answer.promise;
  }

  /** Resolves when the other side has ended the flow; rejects when the stream fails. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /**
   * Ends the flow on both sides. Resets it if the other side does not follow in time: nothing else would ever take it out of
   * its association.
   *
   * @param stream The stream that this receives from.
   * @throws The stream's error.
   */
  async end(stream: Stream, clock: Clock): Promise<void> {
    const timeout = Promise.withResolvers<void>();
    const cancel = clock.after(END_TIMEOUT, timeout.resolve);
    try {
      await Promise.race([Promise.all([ended(stream), this.over]), timeout.promise]);
    } finally {
      cancel();
    }
    if (!stream.over) stream.reset(ResetCode.Limit);
  }

  /** Called by the stream. */
  answered(): void {
    this.#answer.resolve();
  }

  /** Called by the stream. @throws {WireError} In any case. */
  data(): void {
    throw new WireError("DATA on a flow of datagrams");
  }

  /** Called by the stream. */
  ended(): void {
    this.#over.resolve();
  }

  /** Called by the stream. */
  failed(error: Error): void {
    this.#answer.reject(error);
    this.#over.reject(error);
  }
}

/** Half-closes a stream. @returns Settles when END has left; rejects when the stream fails before. */
function ended(stream: Stream): Promise<void> {
  return new Promise((left, failed) => stream.end({ left: () => left(), failed }));
}
