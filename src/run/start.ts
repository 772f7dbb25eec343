import { StartError } from "../net/listen/listen.ts";
import type { Log } from "../log/log.ts";
import type { WorkerGroup } from "../workers/worker_group.ts";
import type { Loaded, Program, Started } from "./program.ts";

/** How long another handler may take to let go of its addresses, and the pause between two attempts, in milliseconds. */
const PATIENCE = 1_000, PAUSE = 25;

/**
 * Starts a handler. Another one that was told to end may take a moment until it listens no more.
 *
 * @throws {StartError} As `program.start`.
 */
export async function startPatiently<L extends Loaded>(
  program: Program<L>,
  loaded: L,
  log: Log,
  group: WorkerGroup,
): Promise<Started<L>> {
  for (const until = performance.now() + PATIENCE;;) {
    try {
      return program.start(loaded, log, group);
    } catch (error) {
      const inUse = error instanceof StartError && error.cause instanceof Deno.errors.AddrInUse;
      if (!inUse || performance.now() >= until) throw error;
    }
    // Not a timer of the clock's: nothing else keeps the process alive yet.
    await new Promise<void>((resolve) => setTimeout(resolve, PAUSE));
  }
}
