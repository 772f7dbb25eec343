import type { Target } from "../config/types.ts";
import type { Address } from "../net/address.ts";
import type { Destination } from "../wire/open.ts";

/**
 * The target for a destination.
 *
 * @returns null when the configuration allows none: a client gets to what the targets name, and nowhere else.
 */
export function targetFor(targets: readonly Target[], destination: Destination): Address | null {
  if (destination.kind !== "port") return null;
  const { port } = destination;
  const target = targets.find((one) => one.port === port) ?? targets.find((one) => one.port === "*");
  if (target === undefined) return null;
  return { host: target.host, port: target.toPort === "same" ? port : target.toPort };
}
