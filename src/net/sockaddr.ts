import type { Address } from "./address.ts";
import { canonicalHost, sameHost } from "./ip.ts";

/** The length of the kernel's `sockaddr_in6`, which is room for `sockaddr_in` too. */
export const SOCKADDR_SIZE = 28;

const AF_INET = 2;
const AF_INET6 = 10;

/** The port in a `sockaddr_in` or `sockaddr_in6`. */
export function sockaddrPort(sockaddr: Uint8Array): number {
  return view(sockaddr).getUint16(2);
}

/**
 * The address in a `sockaddr_in` or `sockaddr_in6` of Linux on a little-endian machine, as all of Deno's are.
 *
 * @returns An IPv4-mapped IPv6 address as the IPv4 address that it stands for; any other IPv6 address as RFC 5952
 * writes it, with its scope (RFC 4007) as a number behind `%` where it has one; undefined for any other family.
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
 * The `sockaddr_in` or `sockaddr_in6` that {@linkcode readSockaddr} reads.
 *
 * @param bytes An IP address, 4 or 16 bytes in network order.
 */
export function writeSockaddr(bytes: Uint8Array, port: number): Uint8Array<ArrayBuffer> {
  const sockaddr = new Uint8Array(SOCKADDR_SIZE);
  view(sockaddr).setUint16(0, bytes.length === 4 ? AF_INET : AF_INET6, true);
  view(sockaddr).setUint16(2, port);
  sockaddr.set(bytes, bytes.length === 4 ? 4 : 8);
  return sockaddr;
}

/** Whether two addresses of a socket are the same, as {@linkcode sameHost} says. */
export function sameAddress(a: Address, b: Address): boolean {
  return a.port === b.port && sameHost(a.host, b.host);
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
