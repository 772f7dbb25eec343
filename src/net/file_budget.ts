/** Files that are no connections: listeners, the log, the database, what the runtime needs. */
const OTHER_FILES = 64;

/** What is assumed where the system does not tell: the usual limit of a shell. */
const USUAL_LIMIT = 1024;

/** More than this nobody plans with. */
const MAX_FILES = 1_000_000;

/**
 * How many connections a handler may plan with: one is a file.
 *
 * @param files How many files the process may have open; null where the system does not tell.
 */
export function connectionBudget(files: number | null): number {
  return Math.max(OTHER_FILES, Math.min(files ?? USUAL_LIMIT, MAX_FILES) - OTHER_FILES);
}
