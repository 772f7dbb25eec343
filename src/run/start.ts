import { setTimeout as sleep } from "node:timers/promises";
import { StartError } from "../net/listen/listen.ts";
import type { Log } from "../log/log.ts";
import type { WorkerGroup } from "../workers/worker_group.ts";
import type { Loaded, Program, Started } from "./program.ts";

/** Time for another handler to release its addresses, and the interval of attempts, in milliseconds. */
const RETRY_TIME = 1_000, RETRY_INTERVAL = 25;

/**
 * Starts a handler. Retries while its addresses are in use, since a handler that is ending may not have released them yet.
 *
 * @throws {StartError} As `program.start`.
 */
export async function startWithRetries<L extends Loaded>(
  program: Program<L>,
  loaded: L,
  log: Log,
  group: WorkerGroup,
): Promise<Started<L>> {
  for (const end = performance.now() + RETRY_TIME;;) {
    try {
      return program.start(loaded, log, group);
    } catch (error) {
      const inUse = error instanceof StartError && error.cause instanceof Deno.errors.AddrInUse;
      if (!inUse || performance.now() >= end) throw error;
    }
    // Not clock.sleep(): nothing else keeps the process alive yet.
    await sleep(RETRY_INTERVAL);
  }
}
