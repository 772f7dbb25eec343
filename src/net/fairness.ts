/**
 * Keeps a busy connection from starving all others.
 *
 * Deno completes an operation on a ready socket immediately, and while there is always something to run, its runtime polls
 * the system for events of other sockets only every 61st turn: next to one saturated session, a request and its reply on
 * another took 1.1 s. The runtime polls whenever it has nothing to run; so once a budget of bytes is spent, all large
 * operations wait for a timer of a millisecond. The budget for several sessions keeps 99 % of round trips on a saturated
 * association below 20 ms, and costs a seventh of the throughput; 32 MiB cost a twentieth, and made that 24 to 46 ms.
 *
 * @module
 */

/** Bytes that all connections together move between two pauses while there are several sessions. */
const SHARED_BUDGET = 12 * 1024 * 1024;

/** The same with one session at most: only newcomers can be kept waiting. */
const SINGLE_BUDGET = 256 * 1024 * 1024;

/** Smallest operation that counts and may wait, in bytes: bulk transfers use larger ones, handshakes smaller ones. */
export const LARGE: number = 16 * 1024;

/** The byte budget of an event loop. */
export class Fairness {
  #sessions = 0;
  #spent = 0;
  #pause: Promise<void> | null = null;

  /**
   * Starts an operation, immediately or after the runtime has polled for events.
   *
   * @param bytes Maximum number of bytes that the operation moves.
   * @returns The operation's result.
   */
  run<T>(bytes: number, operation: () => Promise<T>): Promise<T> {
    if (bytes < LARGE) return operation();
    if (this.#pause === null) {
      this.#spent += bytes;
      if (this.#spent < (this.#sessions > 1 ? SHARED_BUDGET : SINGLE_BUDGET)) return operation();
      this.#spent = 0;
      this.#pause = pollForEvents().finally(() => this.#pause = null);
    }
    return this.#pause.then(operation);
  }

  /** Counts a session that shares the budget. */
  join(): void {
    this.#sessions++;
  }

  /** The session is over; call it once for each {@linkcode Fairness.join}. */
  leave(): void {
    this.#sessions--;
  }
}

/** The budget of this thread's event loop, which all its connections and sessions share. */
export const fairness: Fairness = new Fairness();

/** Gives the runtime nothing to run for a moment, so that it polls the system for events. */
export function pollForEvents(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, 0));
}
