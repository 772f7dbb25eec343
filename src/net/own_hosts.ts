import { canonicalHost, isIpv4, isLoopback, sameHost } from "./ip.ts";

/** The addresses of this machine's interfaces; none where the system does not tell. */
export function ownHosts(): string[] {
  try {
    return Deno.networkInterfaces().map(({ address }) => address);
  } catch {
    return [];
  }
}

/**
 * Whether a socket of this machine can have an address.
 *
 * @param hosts The machine's, as {@linkcode ownHosts} gives them; where there are none, any address may be.
 */
export function isAssigned(host: string, hosts: readonly string[]): boolean {
  const text = canonicalHost(host);
  if (hosts.length === 0 || text === "0.0.0.0" || text === "::") return true;
  // Linux has the whole of 127.0.0.0/8.
  if (Deno.build.os === "linux" && isIpv4(text) && isLoopback(text)) return true;
  return hosts.some((own) => sameHost(own, text));
}
