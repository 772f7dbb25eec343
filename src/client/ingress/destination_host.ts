import { canonicalHost, isIpv4, isIpv6 } from "../../net/ip.ts";

const MAX_NAME = 253;

/**
 * Parses the host of a request: an IPv4 address, an IPv6 address without brackets or scope, or a host name.
 *
 * @returns An address in canonical spelling, or the name in lower case, with the final dot of an absolute one; null if it is
 * neither. Names that end in a number are invalid: some resolvers take "127.1" or "0x7f000001" for an address.
 */
export function destinationHost(text: string): string | null {
  if (isIpv4(text)) return text;
  if (isIpv6(text)) return text.includes("%") ? null : canonicalHost(text);
  const name = canonicalHost(text);
  if (name.length > MAX_NAME || !/^[\w-]{1,63}(\.[\w-]{1,63})*$/.test(name)) return null;
  return /(^|\.)(\d+|0x[\da-f]*)$/.test(name) ? null : text.toLowerCase();
}
