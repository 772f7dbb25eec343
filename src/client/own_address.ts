import { type Address, isIpv6 } from "../net/address.ts";

/**
 * Whether a connection to `destination` would come back to one of our own listeners: a loop, which would eat every file.
 *
 * @param listeners Where this handler listens; a wildcard host stands for every address in `hosts`.
 * @param hosts This machine's addresses.
 */
export function isOwn(destination: Address, listeners: readonly Address[], hosts: readonly string[]): boolean {
  return listeners.some(({ host, port }) => {
    if (port !== destination.port) return false;
    if (host === destination.host) return true;
    if (host !== "0.0.0.0" && host !== "::") return false;
    return isLoopback(destination.host) || hosts.includes(destination.host);
  });
}

/** The addresses of this machine's interfaces; none where the system does not tell. */
export function ownHosts(): string[] {
  try {
    return Deno.networkInterfaces().map(({ address }) => address);
  } catch {
    return [];
  }
}

function isLoopback(host: string): boolean {
  return isIpv6(host) ? host === "::1" : host.startsWith("127.");
}
