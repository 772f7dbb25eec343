import { canonicalHost, isIpv4, isLoopback, sameHost } from "./ip.ts";

/** An address of this machine. */
export interface OwnAddress {
  /** Name of the device that has it. */
  readonly device: string;
  /** The IP address. */
  readonly host: string;
}

/** Addresses of this machine's devices; none if unknown. */
export function ownAddresses(): OwnAddress[] {
  try {
    return Deno.networkInterfaces().map(({ name, address }) => ({ device: name, host: address }));
  } catch {
    return [];
  }
}

/**
 * The scope ID (RFC 4007) of a zone, a number or the name of a device.
 *
 * @returns Null if no device of that name has a link-local address.
 */
export function scopeOf(zone: string): number | null {
  if (/^\d{1,9}$/.test(zone)) return Number(zone);
  try {
    return Deno.networkInterfaces().find(({ name, scopeid }) => name === zone && scopeid)?.scopeid ?? null;
  } catch {
    return null;
  }
}

/** The hosts of {@linkcode ownAddresses}. */
export function ownHosts(): string[] {
  return ownAddresses().map(({ host }) => host);
}

/** Makes a function that returns {@linkcode ownHosts} as of the last second, for use with every datagram. @param now In milliseconds. */
export function recentOwnHosts(now: () => number): () => readonly string[] {
  let hosts: readonly string[] = [], readAt = -Infinity;
  return () => {
    if (now() - readAt < 1000) return hosts;
    readAt = now();
    return hosts = ownHosts();
  };
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
