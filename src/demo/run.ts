import type { Clock } from "../time/clock.ts";
import type { Network } from "../net/connection.ts";
import type { TransferLimits } from "./web_server.ts";
import { DemoError } from "./error.ts";
import type { Screen } from "./screen.ts";
import { type Setup, setUp } from "./setup.ts";
import { tour, type TourOptions } from "./tour.ts";

/** Options of the demo. */
export interface DemoOptions {
  /** Makes all connections and listeners. */
  readonly network: Network;
  /** Times the transfer. */
  readonly clock: Clock;
  /** Command that runs the program, for the closing instructions. */
  readonly micss: string;
  /** Interrupts the demo. */
  readonly signal: AbortSignal;
  /** Default: 300 MB, 4 s. */
  readonly limits?: TransferLimits;
  /** Time limit of the whole demo, in milliseconds. Default: 16 s. */
  readonly deadline?: number;
}

const LIMITS: TransferLimits = { bytes: 300_000_000, ms: 4_000 };
const DEADLINE = 16_000;

/** Time limit for closing, in milliseconds: the process ends afterwards anyway. */
const CLOSING = 1_000;

/**
 * Sets everything up, shows it on `screen`, and leaves nothing open.
 *
 * @throws {DemoError} If something fails, a claim does not hold, or time runs out.
 * @throws {StartError} If a handler can't listen.
 * @throws The signal's reason.
 */
export async function runDemo(screen: Screen, options: DemoOptions): Promise<void> {
  const { network, clock, signal, limits = LIMITS, deadline = DEADLINE } = options;
  signal.throwIfAborted();
  const stopped = Promise.withResolvers<never>();
  // A rejection that nothing awaits must not count as unhandled.
  stopped.promise.catch(() => {});
  const abort = () => stopped.reject(signal.reason);
  signal.addEventListener("abort", abort);
  const cancel = clock.after(
    deadline,
    () => stopped.reject(new DemoError(`not finished within ${deadline / 1_000} s: this machine is too busy`)),
  );
  try {
    await showAll(await setUp(network, clock, limits), screen, { ...options, limits }, stopped.promise);
  } finally {
    cancel();
    signal.removeEventListener("abort", abort);
  }
}

/** Shows everything unless `stopped` rejects first; then closes the setup and waits for it. */
async function showAll(setup: Setup, screen: Screen, options: TourOptions, stopped: Promise<never>): Promise<void> {
  const touring = tour(setup, screen, options);
  try {
    await Promise.race([touring, stopped]);
  } finally {
    screen.close();
    const late = Promise.withResolvers<void>();
    const cancel = options.clock.after(CLOSING, late.resolve);
    // With every connection closed the tour ends soon. Its error no longer matters.
    const ended = touring.catch(() => {});
    await Promise.race([Promise.all([setup[Symbol.asyncDispose](), ended]), late.promise]);
    cancel();
  }
}
