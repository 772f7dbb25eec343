import type { Address } from "./address.ts";
import { connectedHost, isLoopback, sameHost } from "./ip.ts";

/**
 * Whether a connection to `destination` would come back to one of our own listeners: a loop, which would eat every file.
 *
 * @param listeners Where this handler listens; a wildcard host stands for every address in `hosts`.
 * @param hosts This machine's addresses.
 */
export function isOwn(destination: Address, listeners: readonly Address[], hosts: readonly string[]): boolean {
  const to = connectedHost(destination.host);
  return listeners.some(({ host, port }) => {
    if (port !== destination.port) return false;
    if (sameHost(host, to)) return true;
    if (host !== "0.0.0.0" && host !== "::") return false;
    return isLoopback(to) || hosts.some((own) => sameHost(own, to));
  });
}
