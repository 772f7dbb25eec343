import type { Clock } from "../net/clock.ts";
import type { Network } from "../net/connection.ts";
import type { TransferLimits } from "./web_server.ts";
import { DemoError } from "./error.ts";
import type { Screen } from "./screen.ts";
import { type Setup, setUp } from "./setup.ts";
import { tour, type TourOptions } from "./tour.ts";

/** What the demo needs. */
export interface DemoOptions {
  /** Makes all connections and listeners. */
  readonly network: Network;
  /** Measures the transfer, and ends it. */
  readonly clock: Clock;
  /** How the program is called: what the last lines tell people to type. */
  readonly micss: string;
  /** Ends the demo before its time. */
  readonly signal: AbortSignal;
  /** Default: 300 MB, 4 s. */
  readonly limits?: TransferLimits;
  /** After how many milliseconds something must be wrong. Default: 12 s. */
  readonly deadline?: number;
}

const LIMITS: TransferLimits = { bytes: 300_000_000, ms: 4_000 };
const DEADLINE = 12_000;

/** How long closing may take at most, in milliseconds: the process ends after it anyway. */
const CLOSING = 1_000;

/**
 * Sets everything up, shows it on `screen`, and leaves nothing open.
 *
 * @throws {DemoError} When something does not work, or does not hold, or takes too long.
 * @throws {StartError} When a handler can't listen.
 * @throws The signal's reason.
 */
export async function runDemo(screen: Screen, options: DemoOptions): Promise<void> {
  const { network, clock, signal, limits = LIMITS, deadline = DEADLINE } = options;
  signal.throwIfAborted();
  const stopped = Promise.withResolvers<never>();
  // Whether it is awaited yet or no more, it is no failure of its own.
  stopped.promise.catch(() => {});
  const abort = () => stopped.reject(signal.reason);
  signal.addEventListener("abort", abort);
  const forget = clock.after(
    deadline,
    () => stopped.reject(new DemoError(`not done within ${deadline / 1_000} s: this machine is too busy`)),
  );
  try {
    await showAll(await setUp(network, clock, limits), screen, { ...options, limits }, stopped.promise);
  } finally {
    forget();
    signal.removeEventListener("abort", abort);
  }
}

/** Shows everything unless `stopped` rejects before; ends the setup, and waits until nothing goes on. */
async function showAll(setup: Setup, screen: Screen, options: TourOptions, stopped: Promise<never>): Promise<void> {
  const touring = tour(setup, screen, options);
  try {
    await Promise.race([touring, stopped]);
  } finally {
    screen.close();
    const late = Promise.withResolvers<void>();
    const forget = options.clock.after(CLOSING, late.resolve);
    // With every connection closed the tour ends soon. It has nothing to say any more.
    const ended = touring.catch(() => {});
    await Promise.race([Promise.all([setup[Symbol.asyncDispose](), ended]), late.promise]);
    forget();
  }
}
