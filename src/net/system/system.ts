import { type Clock, systemClock } from "../../time/clock.ts";
import type { Network } from "../connection.ts";
import type { Resolve } from "../names/resolve.ts";
import { systemNetwork } from "./tcp.ts";

/** What a handler needs of the system; tests put a network in memory and a clock of their own in its place. */
export interface System {
  /** Makes connections and listeners. */
  readonly network: Network;
  /** Tells time. */
  readonly clock: Clock;
  /** Finds the addresses of host names. Default: the system's resolver. */
  readonly resolve?: Resolve;
}

/** The real one. */
export const realSystem: System = { network: systemNetwork, clock: systemClock };
