import type { ClientConfig } from "../config/types.ts";
import { connectionBudget } from "../net/file_budget.ts";
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
  /** Number of sessions that the file limit permits, whatever is configured. */
  readonly possible: number;
}

/**
 * Derives the limits in force from the configuration and the process's limit of open files. A quarter of the files is for
 * incomplete requests; the rest for sessions, each with its application and its channels, and for associations kept ready.
 *
 * @param files Maximum number of open files; null if unknown.
 * @param group The workers, each of which keeps associations ready. Default: a single one.
 */
export function limitsFor(
  { limits, servers, warm }: Pick<ClientConfig, "limits" | "servers" | "warm">,
  files: number | null,
  { count }: { readonly count: number } = single(),
): EffectiveLimits {
  const budget = connectionBudget(files);
  const channels = Math.max(USUAL_CHANNELS, ...servers.map(({ channels }) => channels.length));
  const pending = Math.min(MAX_PENDING, Math.floor(budget / 4));
  const ready = Math.max(1, servers.length) * warm * channels * count;
  const possible = Math.max(1, Math.floor((budget - pending - ready) / (channels + 1)));
  return { sessions: limits.sessions ?? possible, pending, possible };
}
