import { pollForEvents } from "../fairness.ts";

/** Errors of accept(2) that mean a shortage of files or memory. All others concern a single connection, which is gone. */
const SHORTAGES: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

/** Dead connections in a row between two polls for events: accepting a queued connection never yields by itself. */
const BATCH = 32;

/**
 * Accepts the next connection that is alive, skipping those that ended in the queue.
 *
 * @param accept Accepts one from the system.
 * @param closed Reports whether the listener has been closed.
 * @returns null once the listener is closed.
 * @throws When the system has run out of files or memory.
 */
export async function acceptLive<C>(accept: () => Promise<C>, closed: () => boolean): Promise<C | null> {
  for (let dead = 1; !closed(); dead++) {
    try {
      return await accept();
    } catch (error) {
      if (!closed() && isShortage(error)) throw error;
    }
    if (dead % BATCH === 0) await pollForEvents();
  }
  return null;
}

function isShortage(error: unknown): boolean {
  return error instanceof Error && "code" in error && SHORTAGES.has(error.code);
}
