/**
 * Keeps a busy connection from shutting out all others.
 *
 * Deno completes an operation on a socket that is ready at once, and while there is always something to run, its runtime
 * asks the system for other sockets' events only every 61st turn: beside one saturated session, a question and its answer
 * on another one took 1.1 s. The runtime asks whenever it has nothing to run; so after so many bytes all large operations
 * wait for a timer, a millisecond. With the budget for company that makes it 20 to 36 ms, and costs a tenth of the
 * throughput; an eighth of it made it 3 ms, and cost a third.
 */

/** After so many bytes, of all connections together, the runtime looks around, while there are several sessions. */
const BUDGET_IN_COMPANY = 32 * 1024 * 1024;

/** The same while there is one at most: only somebody new can be kept waiting. */
const BUDGET_ALONE = 256 * 1024 * 1024;

/** Smaller operations, in bytes, never wait and don't count: they are no flow, and what they are part of is in a hurry. */
const LARGE = 16 * 1024;

let sessions = 0;
let spent = 0;
let pause: Promise<void> | null = null;

/**
 * Starts an operation, now or when the runtime has looked around.
 *
 * @param bytes How many the operation moves at most.
 * @returns What it returns.
 */
export function fairly<T>(bytes: number, operation: () => Promise<T>): Promise<T> {
  if (bytes < LARGE) return operation();
  if (pause === null) {
    spent += bytes;
    if (spent < (sessions > 1 ? BUDGET_IN_COMPANY : BUDGET_ALONE)) return operation();
    spent = 0;
    pause = new Promise((resolve) =>
      setTimeout(() => {
        pause = null;
        resolve();
      }, 0)
    );
  }
  return pause.then(operation);
}

/**
 * A session begins, that is to take turns with others.
 *
 * @returns Tells that it has ended; to be called once.
 */
export function joinFairness(): () => void {
  sessions++;
  return () => void sessions--;
}
