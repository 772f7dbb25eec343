import { canonicalHost, isIpv4, isIpv6 } from "../../net/ip.ts";

const MAX_NAME = 253;

/**
 * Reads the host that an application asks for: an IPv4 address, an IPv6 address without brackets or scope, or a host name.
 *
 * @returns An address in its one spelling (`canonicalHost`), or the name in lower case, for the resolver with the last dot that makes it absolute; null when it
 * is none of these. A name that ends in a number is none: some resolvers take "127.1" or "0x7f000001" for an address.
 */
export function destinationHost(text: string): string | null {
  if (isIpv4(text)) return text;
  if (isIpv6(text)) return text.includes("%") ? null : canonicalHost(text);
  const name = canonicalHost(text);
  if (name.length > MAX_NAME || !/^[\w-]{1,63}(\.[\w-]{1,63})*$/.test(name)) return null;
  return /(^|\.)(\d+|0x[\da-f]*)$/.test(name) ? null : text.toLowerCase();
}
