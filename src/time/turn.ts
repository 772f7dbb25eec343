/**
 * Microtasks within which what has arrived in a turn of the event loop is handled. Deno delivers all results of a turn at once;
 * an application's bytes become a frame within six microtasks, and a record reaches an application within twelve.
 */
const MICROTASKS = 12;

/** Resolves at the end of the event loop's current turn, once what arrived in it has been handled. */
export async function endOfTurn(): Promise<void> {
  for (let microtask = 0; microtask < MICROTASKS; microtask++) await null;
}
