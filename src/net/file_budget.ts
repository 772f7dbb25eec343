/** Files other than connections: listeners, the log, the database, the runtime's own. */
const OTHER_FILES = 64;

/** Limit assumed if unknown: the usual one of a shell. */
const DEFAULT_LIMIT = 1024;

/** Larger limits count as this one. */
const MAX_FILES = 1_000_000;

/** A handler's connections, each being a file. */
export interface FileBudget {
  /** Connections that have not become part of a session or an association yet. */
  readonly waiting: number;
  /** Channels, and connections to applications and targets. */
  readonly carrying: number;
}

/** Options of {@linkcode fileBudget}. */
export interface FileBudgetOptions {
  /** Configured maximum of waiting connections. Default: a quarter of all, at most `maxWaiting`. */
  readonly waiting?: number;
  /** Upper limit on waiting connections if none is configured. */
  readonly maxWaiting: number;
  /** Carrying connections that the configured limits ask for; allowed if the limit on open files is unknown. */
  readonly configured: number;
  /** Carrying connections of a single session, which are always allowed. */
  readonly least: number;
}

/**
 * Divides the files that a process may open.
 *
 * A configured maximum of waiting connections may be for emergencies only, so it takes half of the files at most.
 *
 * @param limit Maximum number of open files of the process; null if unknown.
 */
export function fileBudget(limit: number | null, options: FileBudgetOptions): FileBudget {
  const { maxWaiting, configured, least } = options;
  const all = Math.max(OTHER_FILES, Math.min(limit ?? DEFAULT_LIMIT, MAX_FILES) - OTHER_FILES);
  const waiting = options.waiting ?? Math.min(maxWaiting, Math.floor(all / 4));
  const left = all - Math.min(waiting, Math.floor(all / 2));
  return { waiting, carrying: Math.max(least, left, limit === null ? configured : 0) };
}
