import type { Clock } from "../time/clock.ts";

const { BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, UnexpectedEof } = Deno.errors;

/** Whether the other side has closed or reset a connection. */
export function isGone(cause: unknown): boolean {
  return [UnexpectedEof, ConnectionReset, ConnectionAborted, BrokenPipe].some((error) => cause instanceof error);
}

/** Whether there is nothing to talk to at the moment, as while one program takes another's place; also of a cause. */
export function isAway(error: unknown): boolean {
  if (isGone(error) || error instanceof ConnectionRefused) return true;
  return error instanceof Error && error.cause !== undefined && isAway(error.cause);
}

/** The first pause and the longest one, in milliseconds: each is twice the one before. */
const FIRST_PAUSE = 25, LONGEST_PAUSE = 400;

/** How {@linkcode tryAgain} goes about it. */
export interface TryAgain {
  /** Measures pauses. */
  readonly clock: Clock;
  /** For how long another attempt may begin, in milliseconds. */
  readonly during: number;
  /** Whether an attempt that failed so is worth another one. */
  readonly passes: (error: unknown) => boolean;
  /** Ends a pause. */
  readonly signal?: AbortSignal;
}

/**
 * Repeats an attempt that changes nothing where it fails.
 *
 * @returns What the first attempt that succeeds returns.
 * @throws What the last attempt throws; the signal's reason.
 */
export async function tryAgain<T>(attempt: () => Promise<T>, options: TryAgain): Promise<T> {
  const { clock, during, passes, signal } = options;
  const until = clock.now() + during;
  for (let pause = FIRST_PAUSE;; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    try {
      return await attempt();
    } catch (error) {
      if (signal?.aborted || !passes(error) || clock.now() + pause > until) throw error;
    }
    await sleep(pause, clock, signal);
  }
}

function sleep(ms: number, clock: Clock, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      cancel();
      reject(signal!.reason);
    };
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener("abort", stop);
      resolve();
    });
    signal?.addEventListener("abort", stop, { once: true });
  });
}
