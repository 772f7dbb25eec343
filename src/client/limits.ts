import type { ClientConfig } from "../config/types.ts";
import { fileBudget } from "../net/file_budget.ts";
import { single } from "../workers/worker_group.ts";

/** Assumed number of channels if no server is configured. */
const USUAL_CHANNELS = 3;

/** Maximum number of incomplete requests of applications: each may hold 8 KB. */
const MAX_PENDING = 1024;

/** Limits in force, for all workers together. */
export interface EffectiveLimits {
  /** Concurrent sessions and direct connections. */
  readonly sessions: number;
  /** Concurrent incomplete requests of applications. */
  readonly pending: number;
  /** Bytes of one stream on their way to an application. */
  readonly credit: number;
  /** Files for applications, channels and direct connections: the budget that they share. */
  readonly files: number;
  /** Numbers that the process can open enough files for, whatever is configured. */
  readonly possible: Pick<Usage, "sessions">;
}

/** Numbers of connections, each a file. */
export interface Usage {
  /** Sessions and direct connections, each with its application. */
  readonly sessions: number;
  /** Channels of all associations, new ones included, their UDP sockets, and the far sides of direct connections. */
  readonly channels: number;
}

/** Settings that limits depend on. */
export type LimitedConfig =
  & Pick<ClientConfig, "limits" | "servers" | "associations" | "warm">
  & Partial<Pick<ClientConfig, "udpForwards">>;

/**
 * Derives the limits in force from the configuration and the process's limit of open files. A quarter of the files is for
 * incomplete requests. Sessions, each with its application, and associations, each with its channels, share the rest:
 * where sessions share associations, those with configured servers are set aside, up to half of the files; otherwise each
 * session has channels of its own. Learned servers need more, and {@linkcode limitReached} keeps the sum within `files`.
 *
 * @param limit Maximum number of open files; null if unknown.
 * @param group The workers, each of which has its own associations. Default: a single one.
 */
export function limitsFor(
  { limits, servers, associations, warm, udpForwards = [] }: LimitedConfig,
  limit: number | null,
  { count }: { readonly count: number } = single(),
): EffectiveLimits {
  const channels = Math.max(USUAL_CHANNELS, ...servers.map(({ channels }) => channels.length));
  const perSession = associations === "per-session";
  // An association with datagrams has a UDP socket beside each channel.
  const perAssociation = udpForwards.length > 0 ? 2 * channels : channels;
  const perServer = (perSession ? warm : associations) * perAssociation * count;
  const shared = Math.max(1, servers.length) * perServer, perEach = perSession ? perAssociation + 1 : 1;
  const { waiting: pending, carrying: files } = fileBudget(limit, {
    maxWaiting: MAX_PENDING,
    configured: shared + perEach * (limits.sessions ?? 1),
    least: channels + 1,
  });
  const aside = perSession ? shared : Math.min(shared, Math.floor(files / 2));
  const possible = { sessions: Math.max(1, Math.floor((files - aside) / perEach)) };
  return { sessions: limits.sessions ?? possible.sessions, pending, credit: limits.credit, files, possible };
}

/**
 * Names the limit, of {@linkcode EffectiveLimits}, that leaves no room for more sessions or channels.
 *
 * @param wanted Numbers to add: `{ sessions: 1, channels: 0 }` for an application, `{ sessions: 0, channels: n }` for an
 * association.
 * @param usage Current numbers of all workers.
 * @returns Null if there is room.
 */
export function limitReached(
  wanted: Usage,
  usage: Usage,
  { sessions, files }: Pick<EffectiveLimits, "sessions" | "files">,
): "sessions" | "files" | null {
  const after = { sessions: usage.sessions + wanted.sessions, channels: usage.channels + wanted.channels };
  if (wanted.sessions > 0 && after.sessions > sessions) return "sessions";
  return after.sessions + after.channels > files ? "files" : null;
}
