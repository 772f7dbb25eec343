import type { ServerLimits } from "../config/types.ts";

/** Files that are neither channels nor targets: listeners, the log, what the runtime needs. */
const OTHER_FILES = 64;

/** What a server handler holds to. */
export interface EffectiveLimits {
  /** Connections in no association, in all. */
  readonly waiting: number;
  /** The same from one source. */
  readonly waitingPerSource: number;
  /** Associations, and so sessions: each is of one session at a time. */
  readonly associations: number;
}

/**
 * The limits in force: what is configured, and the rest derived from how many files the process may have open, so that
 * those do not run out. A quarter is for connections that wait to be associated, of which one source gets a quarter; the
 * rest is for associations, each with its channels and its target.
 *
 * @param files How many files the process may have open; null where the system does not tell.
 * @param channels How many channels an association has.
 */
export function limitsFor(given: ServerLimits, files: number | null, channels: number): EffectiveLimits {
  const usable = Math.max(OTHER_FILES, (files === null ? 1024 : Math.min(files, 1_000_000)) - OTHER_FILES);
  const waiting = given.waiting ?? Math.min(8192, Math.floor(usable / 4));
  return {
    waiting,
    waitingPerSource: given.waitingPerSource ?? Math.max(channels, Math.floor(waiting / 4)),
    associations: given.associations ?? Math.max(1, Math.floor((usable - waiting) / (channels + 1))),
  };
}
