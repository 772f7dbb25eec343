/** Accept errors that mean the system has run out of files or memory. Any other is about one connection, which is gone. */
const SHORTAGES: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

/** After this many dead connections in a row everything else gets a turn: accepting one that waits never does. */
const DEAD_IN_A_ROW = 32;

/**
 * Accepts a connection; those that end before they are accepted are passed over.
 *
 * @param accept Asks the system for one.
 * @param closed Whether the listener is closed by now.
 * @returns null once it is.
 * @throws When the system has run out of files or memory.
 */
export async function acceptLive<C>(accept: () => Promise<C>, closed: () => boolean): Promise<C | null> {
  for (let dead = 1; !closed(); dead++) {
    try {
      return await accept();
    } catch (error) {
      if (!closed() && isShortage(error)) throw error;
    }
    if (dead % DEAD_IN_A_ROW === 0) await new Promise<void>((resolve) => setTimeout(resolve, 0));
  }
  return null;
}

/** Whether an error of accept lasts until files or memory are released. */
function isShortage(error: unknown): boolean {
  return error instanceof Error && "code" in error && SHORTAGES.has(error.code);
}
