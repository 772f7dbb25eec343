import type { Family } from "../rules/ruleset.ts";

/** A destination for questions about a server's routes, which have to hold for all; no host's (RFC 2544, RFC 5180). */
export const ANYWHERE: Readonly<Record<Family, string>> = { ipv4: "198.18.0.1", ipv6: "2001:2::1" };

/** Reports whether an address is an IPv6 link-local one, which packets to other links do not have. */
export function isLinkLocal(host: string): boolean {
  return /^fe[89ab][0-9a-f]:/i.test(host);
}
