import type { Address } from "../net/address.ts";
import { canonicalHost, isIp, isLinkLocal } from "../net/ip.ts";

/**
 * Addresses at which clients reach a server's channels: the announced ones, or else those where it listens.
 *
 * @returns null if they are unknown: it listens at all addresses of its machine, at a link-local one, twice at one, or at
 * any free port.
 */
export function publicAddresses(
  { channels, announce }: { readonly channels: readonly Address[]; readonly announce: readonly Address[] },
): Address[] | null {
  const addresses = (announce.length > 0 ? announce : channels).map(({ host, port }) => ({
    host: canonicalHost(host),
    port,
  }));
  const usable = addresses.every(({ host, port }) =>
    isIp(host) && !isLinkLocal(host) && host !== "0.0.0.0" && host !== "::" && port !== 0
  );
  return usable && new Set(addresses.map(({ host }) => host)).size === addresses.length ? addresses : null;
}
