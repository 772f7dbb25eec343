/** Files other than connections: listeners, the log, the database, the runtime's own. */
const OTHER_FILES = 64;

/** Limit assumed if unknown: the usual one of a shell. */
const DEFAULT_LIMIT = 1024;

/** Larger limits count as this one. */
const MAX_FILES = 1_000_000;

/**
 * Number of connections that a handler may hold, each being a file.
 *
 * @param files Maximum number of open files of the process; null if unknown.
 */
export function connectionBudget(files: number | null): number {
  return Math.max(OTHER_FILES, Math.min(files ?? DEFAULT_LIMIT, MAX_FILES) - OTHER_FILES);
}
