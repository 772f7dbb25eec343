/**
 * Microtasks within which everything that arrived in a turn of the event loop has been handled. Deno delivers all results of
 * a turn at once; a read's bytes become a frame within six microtasks (Deno 2.6 and 2.9).
 */
const MICROTASKS = 10;

/** Resolves at the end of the event loop's current turn, once what arrived in it has become frames. */
export async function endOfTurn(): Promise<void> {
  for (let microtask = 0; microtask < MICROTASKS; microtask++) await null;
}
