import type { ClientConfig } from "../config/types.ts";
import { connectionBudget } from "../net/file_budget.ts";
import { single } from "../workers/worker_group.ts";

/** How many channels a server is taken to have where none is configured. */
const USUAL_CHANNELS = 3;

/** The most applications that may be saying where they want to go: each may hold 8 KB. */
const MAX_ASKING = 1024;

/** What a client handler holds to: all its workers together. */
export interface EffectiveLimits {
  /** Sessions, and connections that are passed on, at once. */
  readonly sessions: number;
  /** Applications that are saying where they want to go, at once. */
  readonly asking: number;
  /** As many sessions as there are files for, whatever is configured. */
  readonly possible: number;
}

/**
 * The limits in force: what is configured, and the rest derived from how many files the process may have open. A quarter
 * is for applications that are saying where they want to go; the rest is for sessions, each with its application and its
 * channels, and for the associations kept ready.
 *
 * @param files How many files the process may have open; null where the system does not tell.
 * @param group Its workers, each of which keeps associations ready. Default: one.
 */
export function limitsFor(
  { limits, servers, warm }: Pick<ClientConfig, "limits" | "servers" | "warm">,
  files: number | null,
  { count }: { readonly count: number } = single(),
): EffectiveLimits {
  const budget = connectionBudget(files);
  const channels = Math.max(USUAL_CHANNELS, ...servers.map(({ channels }) => channels.length));
  const asking = Math.min(MAX_ASKING, Math.floor(budget / 4));
  const ready = Math.max(1, servers.length) * warm * channels * count;
  const possible = Math.max(1, Math.floor((budget - asking - ready) / (channels + 1)));
  return { sessions: limits.sessions ?? possible, asking, possible };
}
