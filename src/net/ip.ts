import { isIpv4, isIpv6 } from "./address.ts";
import { canonicalHost } from "./sockaddr.ts";

/**
 * The bytes of an IP address in network order: 4, also for IPv4 inside IPv6, or 16. A scope is left aside.
 *
 * @returns null for a host name.
 */
export function hostBytes(host: string): Uint8Array<ArrayBuffer> | null {
  if (isIpv4(host)) return Uint8Array.from(host.split("."), Number);
  if (!isIpv6(host)) return null;
  const text = canonicalHost(host);
  if (isIpv4(text)) return hostBytes(text);
  const [head, tail] = text.split("::").map((half) => half === "" ? [] : half.split(":"));
  const groups = tail === undefined ? head! : [...head!, ...Array(8 - head!.length - tail.length).fill("0"), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]));
}

/** The IP address of 4 or 16 bytes in network order, in the one spelling that {@linkcode canonicalHost} gives. */
export function bytesHost(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, at) => (bytes[2 * at]! << 8 | bytes[2 * at + 1]!).toString(16));
  return canonicalHost(groups.join(":"));
}

/** A network, such as 192.0.2.0/24. */
export interface Subnet {
  /** Its first address, in the one spelling that {@linkcode canonicalHost} gives. */
  readonly host: string;
  /** How many of an address's bits are the network's: 0 to 32, for IPv6 to 128. */
  readonly bits: number;
}

/**
 * Reads `ADDRESS/BITS`.
 *
 * @throws {SyntaxError} When `text` is none, or the address has bits beyond the network's.
 */
export function parseSubnet(text: string): Subnet {
  const [host = "", bits = ""] = text.split(/\/(.*)/s);
  const bytes = hostBytes(host);
  if (bytes === null || !/^\d{1,3}$/.test(bits) || Number(bits) > 8 * bytes.length) {
    throw new SyntaxError(`"${text}" is no network; write one as 192.0.2.0/24 or 2001:db8::/32`);
  }
  const subnet = { host: bytesHost(bytes), bits: Number(bits) };
  const first = bytes.map((byte, at) => byte & mask(subnet.bits, at));
  if (first.some((byte, at) => byte !== bytes[at])) {
    throw new SyntaxError(`"${text}" has bits beyond its network; write ${bytesHost(first)}/${bits}`);
  }
  return subnet;
}

/** Whether an IP address is in a network; IPv4 inside IPv6 counts as IPv4. */
export function isWithin(host: string, { host: network, bits }: Subnet): boolean {
  const [bytes, first] = [hostBytes(host), hostBytes(network)];
  if (bytes === null || first === null || bytes.length !== first.length) return false;
  return bytes.every((byte, at) => ((byte ^ first[at]!) & mask(bits, at)) === 0);
}

/** Which bits of the byte at `at` are the network's. */
function mask(bits: number, at: number): number {
  return 0xff00 >> Math.min(8, Math.max(0, bits - 8 * at)) & 255;
}
