import type { Server } from "../config/types.ts";
import type { Log } from "../log/log.ts";
import { type OwnAddress, ownAddresses } from "../net/own_hosts.ts";
import { devicesOf, missingWay } from "../net/way.ts";

/**
 * Warns once if channels are to leave by ways that this machine does not have. They may appear later.
 *
 * @param own This machine's addresses.
 */
export function warnOfMissingWays(
  log: Log,
  servers: readonly Server[],
  own: readonly OwnAddress[] = ownAddresses(),
): void {
  const ways = servers.flatMap(({ channels }) => channels).flatMap(({ via }) => via ?? []);
  const missing = new Set(ways.filter((via) => missingWay(via, own) !== undefined));
  if (missing.size === 0) return;
  log.warn("way missing", {
    via: [...missing].join(),
    devices: devicesOf(own),
    meanwhile: "channels by that way fail",
  });
}
