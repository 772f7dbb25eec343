import type { Address } from "../net/address.ts";
import type { Connection, Listener } from "../net/connection.ts";
import { realSystem, type System } from "../net/system/system.ts";
import { makeTransparent, originalDestination } from "../net/system/tcp.ts";
import type { ConnectFrom } from "./rules_in_place.ts";

/** A client handler's view of the system; tests replace parts of it. */
export interface ClientSystem extends System {
  /** Original destination of a redirected connection. @throws If the system can't tell. */
  readonly originalDestination: (connection: Connection) => Address | undefined;
  /** Makes a listener accept connections to any address. @throws If the system refuses. */
  readonly makeTransparent: (listener: Listener) => void;
  /** Starts connections from chosen ports. Default: the system's way. */
  readonly connectFrom?: ConnectFrom;
  /** Time of day, in milliseconds since 1970. Default: the system's. */
  readonly now?: () => number;
}

/** The real system. */
export const realClientSystem: ClientSystem = { ...realSystem, originalDestination, makeTransparent };
