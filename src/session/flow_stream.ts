import type { StreamReceiver } from "../streams/stream.ts";
import { WireError } from "../wire/decoder.ts";

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
