import type { Clock } from "./clock.ts";

/** Settings of a {@linkcode Deadline}. */
export interface DeadlineOptions {
  /** Makes the error that the signal aborts with when the time is over. */
  readonly reason: () => Error;
  /** Cancels early, with its own reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A time limit for an operation: its signal aborts when the time is over, or when the caller's signal aborts, whichever
 * comes first. Dispose of it when the operation has settled; nothing is left behind then.
 */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #disposal: () => void;

  /**
   * Starts counting.
   *
   * @param ms Milliseconds from now, at least 0.
   */
  constructor(clock: Clock, ms: number, { reason, signal }: DeadlineOptions) {
    const cancel = clock.after(ms, () => this.#controller.abort(reason()));
    // Not AbortSignal.any(): with a signal as long-lived as a handler, each call leaves 1.7 kB that no garbage collection
    // frees, and takes 12 us instead of 1.3 (measured, Deno 2.9.6).
    const forward = () => this.#controller.abort(signal!.reason);
    if (signal?.aborted) forward();
    else signal?.addEventListener("abort", forward, { once: true });
    this.#disposal = () => {
      cancel();
      signal?.removeEventListener("abort", forward);
    };
  }

  /** Aborts at the limit, with the reason. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Aborts now, unless it has aborted already. */
  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /**
   * Waits for an operation that can't be cancelled, up to the limit.
   *
   * @throws What the operation throws; the signal's reason when that comes first.
   */
  async race<T>(operation: Promise<T>): Promise<T> {
    const { signal } = this;
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      return await Promise.race([operation, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Stops counting. */
  [Symbol.dispose](): void {
    this.#disposal();
  }
}

/** Starts a {@linkcode Deadline}: `using limit = deadline(clock, 5000, { reason })`. */
export function deadline(clock: Clock, ms: number, options: DeadlineOptions): Deadline {
  return new Deadline(clock, ms, options);
}
