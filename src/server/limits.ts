import type { ServerLimits } from "../config/types.ts";
import { connectionBudget } from "../net/file_budget.ts";

/** Default connection rate; allows a hundred associations of sixteen channels per second, and a burst of a thousand. */
const ACCEPT_RATE = 2000;

/** Upper limit on waiting connections, whatever the system allows: each waits for seconds only. */
const MAX_WAITING = 8192;

/** A server handler's limits, for all its workers together. */
export interface EffectiveLimits {
  /** Connections without an association while all possible associations exist; see {@linkcode waitingLimit}. */
  readonly waiting: number;
  /** Further connections that may wait for each possible association that does not exist. */
  readonly lent: number;
  /** Connections without an association from one source. */
  readonly waitingPerSource: number;
  /** Associations, and thus sessions: an association serves one at a time. */
  readonly associations: number;
  /** Associations without a session from one source; anyone who reaches all channels can make them. */
  readonly idlePerSource: number;
  /** Connections per second from one source; 0 is unlimited. */
  readonly acceptRate: number;
  /** Associations for which the process can open enough files, whatever is configured. */
  readonly possible: number;
}

/**
 * Derives the limits that are not configured from the number of files that the process may open, so that it never runs
 * out. A quarter is for connections that wait to be associated, of which one source gets a quarter. The rest is for
 * associations, each with its channels and its target. A third of the files that associations leave unused is lent to
 * waiting connections: the more may wait, the harder it is for strangers to crowd others out. Only a third, because an
 * evicted connection takes a moment to close.
 *
 * @param configured The configured limits.
 * @param files Number of files that the process may open; null if unknown.
 * @param channels Number of channels of an association.
 */
export function limitsFor(configured: ServerLimits, files: number | null, channels: number): EffectiveLimits {
  const budget = connectionBudget(files);
  const waiting = configured.waiting ?? Math.min(MAX_WAITING, Math.floor(budget / 4));
  const possible = Math.max(1, Math.floor((budget - waiting) / (channels + 1)));
  const associations = configured.associations ?? possible;
  return {
    possible,
    waiting,
    lent: configured.waiting === undefined ? (channels + 1) / 3 : 0,
    waitingPerSource: configured.waitingPerSource ?? Math.max(channels, Math.floor(waiting / 4)),
    associations,
    idlePerSource: Math.max(1, Math.floor(associations / 4)),
    acceptRate: configured.acceptRate ?? ACCEPT_RATE,
  };
}

/** Limit on waiting connections, given the current number of associations. */
export function waitingLimit(associations: number, { waiting, lent, possible }: EffectiveLimits): number {
  const lendable = Math.floor(lent * Math.max(0, possible - associations));
  return Math.max(waiting, Math.min(MAX_WAITING, waiting + lendable));
}
