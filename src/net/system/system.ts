import { type Clock, systemClock } from "../../time/clock.ts";
import type { Network } from "../connection.ts";
import type { Resolve } from "../names/resolve.ts";
import { systemNetwork } from "./tcp.ts";

/** A handler's view of the system; tests substitute a network in memory and a fake clock. */
export interface System {
  /** Makes connections and listeners. */
  readonly network: Network;
  /** Tells the time. */
  readonly clock: Clock;
  /** Resolves host names. Default: the system's resolver. */
  readonly resolve?: Resolve;
}

/** The real system. */
export const realSystem: System = { network: systemNetwork, clock: systemClock };
