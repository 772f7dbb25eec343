import type { Address } from "./address.ts";
import { connectedHost, isLoopback, sameHost } from "./ip.ts";

/**
 * Reports whether a connection to `destination` would arrive at one of the handler's own listeners: a loop that would use up
 * all files.
 *
 * @param listeners Addresses of the handler's listeners; a wildcard host stands for every address in `hosts`.
 * @param hosts Addresses of this machine.
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
