import { type Clock, systemClock } from "./clock.ts";
import type { Network } from "./connection.ts";
import { systemNetwork } from "./tcp.ts";

/** What a handler needs of the system; tests put a network in memory and a clock of their own in its place. */
export interface System {
  /** Makes connections and listeners. */
  readonly network: Network;
  /** Tells time. */
  readonly clock: Clock;
}

/** The real one. */
export const realSystem: System = { network: systemNetwork, clock: systemClock };
