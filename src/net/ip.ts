import { isIPv4, isIPv6 } from "node:net";

/** Whether `host` is an IP address, with or without a zone, and no name. */
export function isIp(host: string): boolean {
  return isIpv4(host) || isIpv6(host);
}

/** Whether `host` is a dotted IPv4 address. */
export function isIpv4(host: string): boolean {
  return isIPv4(host);
}

/** Whether `host` is an IPv6 address, with or without a zone, not in brackets. */
export function isIpv6(host: string): boolean {
  // Zones are matched by hand: node:net refuses those of interfaces such as br_lan.
  const [, address] = /^([^%]*)(?:%[\w.-]+)?$/.exec(host) ?? [];
  return address !== undefined && isIPv6(address);
}

/**
 * The one spelling by which hosts are compared, never the one to resolve: RFC 5952 for IPv6, with its zone (RFC 4007) where
 * it has one; dotted IPv4 for IPv4-mapped IPv6 (`::ffff:0:0/96`); a name in lower case without its last dot.
 */
export function canonicalHost(host: string): string {
  if (!isIpv6(host)) return host.toLowerCase().replace(/\.$/, "");
  const [address, zone] = host.split("%");
  const text = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(text);
  if (mapped === null) return zone === undefined ? text : `${text}%${zone}`;
  return [mapped[1]!, mapped[2]!].flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]).join(".");
}

/** A host without its zone, which is how the system reports the ends of a connection. */
export function withoutZone(host: string): string {
  return host.replace(/%.*$/, "");
}

/** Whether two hosts are the same, however they are written. A zone that only one of them has is left aside. */
export function sameHost(a: string, b: string): boolean {
  const [one, other] = [canonicalHost(a), canonicalHost(b)];
  if (one === other) return true;
  return one.includes("%") !== other.includes("%") && withoutZone(one) === withoutZone(other);
}

/** Whether `host` is an IP address that never leaves this machine. */
export function isLoopback(host: string): boolean {
  const text = canonicalHost(host);
  return isIpv4(text) ? text.startsWith("127.") : text === "::1";
}

/** Where the kernel takes a connection to `host`: the unspecified address (0.0.0.0, ::) is loopback. */
export function connectedHost(host: string): string {
  const text = canonicalHost(host);
  return text === "0.0.0.0" ? "127.0.0.1" : text === "::" ? "::1" : host;
}

/**
 * The bytes of an IP address in network order: 4, also for IPv4 inside IPv6, or 16. A zone is left aside. By hand:
 * node:net has addresses as text only.
 *
 * @returns null for a host name.
 */
export function hostBytes(host: string): Uint8Array<ArrayBuffer> | null {
  if (isIpv4(host)) return Uint8Array.from(host.split("."), Number);
  if (!isIpv6(host)) return null;
  const text = withoutZone(canonicalHost(host));
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

/**
 * Whether an IP address is in a network; IPv4 inside IPv6 counts as IPv4. By hand: the bytes and masks are needed to read
 * networks anyway, and node:net's BlockList takes no zones.
 */
export function isWithin(host: string, { host: network, bits }: Subnet): boolean {
  const [bytes, first] = [hostBytes(host), hostBytes(network)];
  if (bytes === null || first === null || bytes.length !== first.length) return false;
  return bytes.every((byte, at) => ((byte ^ first[at]!) & mask(bits, at)) === 0);
}

/** Which bits of the byte at `at` are the network's. */
function mask(bits: number, at: number): number {
  return 0xff00 >> Math.min(8, Math.max(0, bits - 8 * at)) & 255;
}
