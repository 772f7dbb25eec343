import type { Address } from "../address.ts";
import { canonicalHost } from "../ip.ts";
import { AF_INET, AF_INET6 } from "./constants.ts";

/** Size of the kernel's `sockaddr_in6`, which also fits a `sockaddr_in`. */
export const SOCKADDR_SIZE = 28;

/** The port in a `sockaddr_in` or `sockaddr_in6`. */
export function sockaddrPort(sockaddr: Uint8Array): number {
  return view(sockaddr).getUint16(2);
}

/**
 * Decodes a `sockaddr_in` or `sockaddr_in6` of Linux on a little-endian machine, like all that Deno supports.
 *
 * @returns The address: IPv4 for IPv4-mapped IPv6; any other IPv6 address in the spelling of RFC 5952, followed by `%` and
 * its scope ID (RFC 4007) if it has one; undefined for other families.
 */
export function readSockaddr(sockaddr: Uint8Array): Address | undefined {
  const fields = view(sockaddr);
  const port = sockaddrPort(sockaddr);
  switch (fields.getUint16(0, true)) {
    case AF_INET:
      return { host: sockaddr.subarray(4, 8).join("."), port };
    case AF_INET6: {
      const groups = Array.from({ length: 8 }, (_, group) => fields.getUint16(8 + 2 * group).toString(16));
      const host = canonicalHost(groups.join(":"));
      const scope = fields.getUint32(24, true);
      return { host: scope === 0 ? host : `${host}%${scope}`, port };
    }
    default:
      return undefined;
  }
}

/**
 * Encodes a `sockaddr_in` or `sockaddr_in6` for {@linkcode readSockaddr}.
 *
 * @param bytes An IP address, 4 or 16 bytes in network order.
 * @param scope The scope ID of an IPv6 address. Default: none.
 */
export function writeSockaddr(bytes: Uint8Array, port: number, scope = 0): Uint8Array<ArrayBuffer> {
  const sockaddr = new Uint8Array(SOCKADDR_SIZE);
  view(sockaddr).setUint16(0, bytes.length === 4 ? AF_INET : AF_INET6, true);
  view(sockaddr).setUint16(2, port);
  sockaddr.set(bytes, bytes.length === 4 ? 4 : 8);
  if (bytes.length === 16) view(sockaddr).setUint32(24, scope, true);
  return sockaddr;
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
