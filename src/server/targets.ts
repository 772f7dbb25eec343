import type { Target } from "../config/types.ts";
import type { Address } from "../net/address.ts";
import type { Destination } from "../wire/open.ts";

/** The target's address for a session. */
export interface Endpoint extends Address {
  /** Sends a PROXY header with the application's address first. */
  readonly proxy: boolean;
}

/**
 * Finds the target for a destination.
 *
 * @returns Null if none is configured: clients reach the configured targets and nothing else.
 */
export function targetFor(targets: readonly Target[], destination: Destination): Endpoint | null {
  if (destination.kind !== "port" && destination.kind !== "datagrams") return null;
  const { port } = destination;
  const target = targets.find((target) => target.port === port) ?? targets.find((target) => target.port === "*");
  if (target === undefined) return null;
  const { host, toPort, proxy = false } = target;
  return { host, port: toPort === "same" ? port : toPort, proxy };
}
