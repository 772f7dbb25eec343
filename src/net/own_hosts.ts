import { canonicalHost, isIpv4, isLoopback, sameHost } from "./ip.ts";

/** Addresses of this machine's interfaces; none if unknown. */
export function ownHosts(): string[] {
  try {
    return Deno.networkInterfaces().map(({ address }) => address);
  } catch {
    return [];
  }
}

/**
 * Reports whether a socket of this machine can have an address.
 *
 * @param hosts The machine's addresses ({@linkcode ownHosts}); if empty, every address passes.
 */
export function isAssigned(host: string, hosts: readonly string[]): boolean {
  const text = canonicalHost(host);
  if (hosts.length === 0 || text === "0.0.0.0" || text === "::") return true;
  // Linux assigns all of 127.0.0.0/8.
  if (Deno.build.os === "linux" && isIpv4(text) && isLoopback(text)) return true;
  return hosts.some((own) => sameHost(own, text));
}
