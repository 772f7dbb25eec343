import type { Target } from "../config/types.ts";
import type { Address } from "../net/address.ts";
import type { Destination } from "../wire/open.ts";

/** Where a session goes. */
export interface Endpoint extends Address {
  /** Whether it is told, in a PROXY header, where the application connects from. */
  readonly proxy: boolean;
}

/**
 * The target for a destination.
 *
 * @returns null when the configuration allows none: a client gets to what the targets name, and nowhere else.
 */
export function targetFor(targets: readonly Target[], destination: Destination): Endpoint | null {
  if (destination.kind !== "port") return null;
  const { port } = destination;
  const target = targets.find((one) => one.port === port) ?? targets.find((one) => one.port === "*");
  if (target === undefined) return null;
  const { host, toPort, proxy = false } = target;
  return { host, port: toPort === "same" ? port : toPort, proxy };
}
