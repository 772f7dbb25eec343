import type { ServerLimits } from "../config/types.ts";
import { connectionBudget } from "../net/file_budget.ts";

/** More than any client needs: a hundred associations of sixteen channels each second, and a thousand at once. */
const ACCEPT_RATE = 2000;

/** More than this need not wait, whatever the system allows: each is there for seconds. */
const MAX_WAITING = 8192;

/** What a server handler holds to: all its workers together. */
export interface EffectiveLimits {
  /** Connections in no association, in all, when there is every association that may be; see {@linkcode waitingBeside}. */
  readonly waiting: number;
  /** How many more may wait for each association that there might be and is not. */
  readonly lent: number;
  /** The same from one source. */
  readonly waitingPerSource: number;
  /** Associations, and so sessions: each is of one session at a time. */
  readonly associations: number;
  /** Associations from one source that serve no session: any stranger that reaches all channels can make them. */
  readonly idlePerSource: number;
  /** Connections from one source in a second; 0 is any number. */
  readonly acceptRate: number;
  /** As many associations as there are files for, whatever is configured. */
  readonly possible: number;
}

/**
 * The limits in force: what is configured, and the rest derived from how many files the process may have open, so that
 * those do not run out. A quarter is for connections that wait to be associated, of which one source gets a quarter; the
 * rest is for associations, each with its channels and its target. A third of what these leave unused is lent to
 * connections that wait: the more may, the harder it is for strangers to crowd others out; but what makes room for others
 * takes a moment to be closed.
 *
 * @param files How many files the process may have open; null where the system does not tell.
 * @param channels How many channels an association has.
 */
export function limitsFor(given: ServerLimits, files: number | null, channels: number): EffectiveLimits {
  const budget = connectionBudget(files);
  const waiting = given.waiting ?? Math.min(MAX_WAITING, Math.floor(budget / 4));
  const possible = Math.max(1, Math.floor((budget - waiting) / (channels + 1)));
  const associations = given.associations ?? possible;
  return {
    possible,
    waiting,
    lent: given.waiting === undefined ? (channels + 1) / 3 : 0,
    waitingPerSource: given.waitingPerSource ?? Math.max(channels, Math.floor(waiting / 4)),
    associations,
    idlePerSource: Math.max(1, Math.floor(associations / 4)),
    acceptRate: given.acceptRate ?? ACCEPT_RATE,
  };
}

/** How many connections may wait beside so many associations. */
export function waitingBeside(associations: number, { waiting, lent, possible }: EffectiveLimits): number {
  const lendable = Math.floor(lent * Math.max(0, possible - associations));
  return Math.max(waiting, Math.min(MAX_WAITING, waiting + lendable));
}
