import type { Clock } from "../time/clock.ts";

const { BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, UnexpectedEof } = Deno.errors;

/** Reports whether the other side closed or reset a connection. */
export function isDisconnect(cause: unknown): boolean {
  return [UnexpectedEof, ConnectionReset, ConnectionAborted, BrokenPipe].some((error) => cause instanceof error);
}

/** Reports whether an error, or one of its causes, may pass by itself, as when the other side is restarting. */
export function isUnavailable(error: unknown): boolean {
  if (isDisconnect(error) || error instanceof ConnectionRefused) return true;
  return error instanceof Error && error.cause !== undefined && isUnavailable(error.cause);
}

/** Bounds of the pause between attempts, in milliseconds; it doubles after each. */
const MIN_PAUSE = 25, MAX_PAUSE = 400;

/** Options of {@linkcode retry}. */
export interface RetryOptions {
  /** Measures pauses. */
  readonly clock: Clock;
  /** Time after which no further attempt begins, in milliseconds. */
  readonly timeout: number;
  /** Tells errors that are worth another attempt from those that are final. */
  readonly retryable: (error: unknown) => boolean;
  /** Ends a pause, with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Repeats an attempt that has no effect when it fails.
 *
 * @returns The result of the first attempt that succeeds.
 * @throws The error of the last attempt; the signal's reason.
 */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, timeout, retryable, signal } = options;
  const until = clock.now() + timeout;
  for (let pause = MIN_PAUSE;; pause = Math.min(2 * pause, MAX_PAUSE)) {
    try {
      return await attempt();
    } catch (error) {
      if (signal?.aborted || !retryable(error) || clock.now() + pause > until) throw error;
    }
    await sleep(pause, clock, signal);
  }
}

async function sleep(ms: number, clock: Clock, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const cancel = clock.after(ms, resolve);
  const abort = () => reject(signal!.reason);
  signal?.addEventListener("abort", abort);
  try {
    await promise;
  } finally {
    cancel();
    signal?.removeEventListener("abort", abort);
  }
}
