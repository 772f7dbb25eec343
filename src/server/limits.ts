import type { ServerLimits } from "../config/types.ts";
import { fileBudget } from "../net/file_budget.ts";

/** Default connection rate; allows a hundred associations of sixteen channels per second, and a burst of a thousand. */
const ACCEPT_RATE = 2000;

/** Upper limit on waiting connections, whatever the system allows: each waits for seconds only. */
const MAX_WAITING = 8192;

/** A server handler's limits, for all its workers together. */
export interface EffectiveLimits {
  /** Connections without an association while associations and sessions use all of `files`; see {@linkcode waitingLimit}. */
  readonly waiting: number;
  /** Fraction of the unused `files` that may wait in addition. */
  readonly lent: number;
  /** Connections without an association from one source. */
  readonly waitingPerSource: number;
  /** Associations, with or without sessions. */
  readonly associations: number;
  /** Associations without a session from one source; anyone who reaches all channels can make them. */
  readonly idlePerSource: number;
  /** Sessions of all clients. */
  readonly sessions: number;
  /** Sessions from one source. */
  readonly sessionsPerSource: number;
  /** Sessions of one client that has proved its identity. */
  readonly sessionsPerClient: number;
  /** Open streams of one association. */
  readonly streams: number;
  /** Bytes of one stream on their way to a target. */
  readonly credit: number;
  /** Connections per second from one source; 0 is unlimited. */
  readonly acceptRate: number;
  /** Files for channels and targets: the budget that associations and sessions share. */
  readonly files: number;
  /** Channels of an association. */
  readonly channels: number;
  /** Sessions that `files` allow over a single association, and associations that they allow with a session each. */
  readonly possible: Usage;
}

/** Numbers of associations and of sessions. */
export interface Usage {
  /** Associations, with or without sessions. */
  readonly associations: number;
  /** Sessions, each with its target. */
  readonly sessions: number;
}

/**
 * Derives the limits that are not configured from the number of files that the process may open, so that it never runs
 * out. A quarter is for connections that wait to be associated, of which one source gets a quarter. Associations, each
 * with its channels, and sessions, each with its target, share the rest without a fixed split: clients may make one
 * association for each session, or one for thousands; {@linkcode limitReached} keeps the sum within `files`. A third of the
 * files that they leave unused is lent to waiting connections: the more may wait, the harder it is for strangers to crowd
 * others out. Only a third, because an evicted connection takes a moment to close.
 *
 * @param configured The configured limits.
 * @param limit Number of files that the process may open; null if unknown.
 * @param channels Number of channels of an association.
 */
export function limitsFor(configured: ServerLimits, limit: number | null, channels: number): EffectiveLimits {
  const { associations: maxAssociations = 1, streams, credit } = configured;
  const { waiting, carrying: files } = fileBudget(limit, {
    ...configured.waiting !== undefined && { waiting: configured.waiting },
    maxWaiting: MAX_WAITING,
    configured: channels * maxAssociations + (configured.sessions ?? maxAssociations),
    least: channels + 1,
  });
  const possible = { associations: Math.floor(files / (channels + 1)), sessions: files - channels };
  const { associations = possible.associations, sessions = possible.sessions } = configured;
  return {
    waiting,
    lent: configured.waiting === undefined ? 1 / 3 : 0,
    waitingPerSource: configured.waitingPerSource ?? Math.max(channels, Math.floor(waiting / 4)),
    associations,
    idlePerSource: Math.max(1, Math.floor(associations / 4)),
    sessions,
    sessionsPerSource: configured.sessionsPerSource ?? sessions,
    sessionsPerClient: configured.sessionsPerClient ?? sessions,
    streams,
    credit,
    acceptRate: configured.acceptRate ?? ACCEPT_RATE,
    files,
    channels,
    possible,
  };
}

/** Number of files that associations and sessions use. */
export function filesUsed({ associations, sessions }: Usage, { channels }: Pick<EffectiveLimits, "channels">): number {
  return channels * associations + sessions;
}

/**
 * Names the limit that leaves no room for another association or session. To make room, the caller may end an
 * association without a session, which helps against every limit except `sessions`.
 *
 * An association also needs a file for its first session.
 *
 * @param usage Current numbers of all workers.
 * @returns Null if there is room.
 */
export function limitReached(
  wanted: "association" | "session",
  usage: Usage,
  limits: EffectiveLimits,
): "associations" | "sessions" | "files" | null {
  const { associations, sessions } = usage;
  if (wanted === "association" && associations >= limits.associations) return "associations";
  if (wanted === "session" && sessions >= limits.sessions) return "sessions";
  const after = { associations: wanted === "association" ? associations + 1 : associations, sessions: sessions + 1 };
  return filesUsed(after, limits) > limits.files ? "files" : null;
}

/** Limit on waiting connections, given the current numbers of associations and sessions. */
export function waitingLimit(usage: Usage, limits: EffectiveLimits): number {
  const { waiting, lent, files } = limits;
  const lendable = Math.floor(lent * Math.max(0, files - filesUsed(usage, limits)));
  return Math.max(waiting, Math.min(MAX_WAITING, waiting + lendable));
}
