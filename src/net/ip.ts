import { isIPv4, isIPv6 } from "node:net";

/** Reports whether `host` is an IP address, with or without a zone, rather than a name. */
export function isIp(host: string): boolean {
  return isIpv4(host) || isIpv6(host);
}

/** Reports whether `host` is a dotted IPv4 address. */
export function isIpv4(host: string): boolean {
  return isIPv4(host);
}

/** Reports whether `host` is an IPv6 address without brackets, with or without a zone. */
export function isIpv6(host: string): boolean {
  if (!host.includes(":")) return false;
  // Zones are matched by hand: node:net rejects interface names such as br_lan.
  const [, address] = /^([^%]*)(?:%[\w.-]+)?$/.exec(host) ?? [];
  return address !== undefined && isIPv6(address);
}

/**
 * The canonical spelling of a host, for comparisons but not for the resolver: RFC 5952 for IPv6, including any zone
 * (RFC 4007); dotted IPv4 for IPv4-mapped IPv6 (`::ffff:0:0/96`); for a name, lower case without a trailing dot.
 */
export function canonicalHost(host: string): string {
  if (!isIpv6(host)) return host.toLowerCase().replace(/\.$/, "");
  const [address, zone] = host.split("%");
  const text = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(text);
  if (mapped !== null) return groupBytes(mapped.slice(1)).join(".");
  return zone === undefined ? text : `${text}%${zone}`;
}

/** Removes the zone of a host, which the system leaves out of a connection's addresses. */
export function withoutZone(host: string): string {
  return host.replace(/%.*$/, "");
}

/** Reports whether `host` is a link-local IPv6 address (RFC 4291), which names a host only with a zone. */
export function isLinkLocal(host: string): boolean {
  return isIpv6(host) && /^fe[89ab][0-9a-f]:/.test(canonicalHost(host));
}

/** Adds the zone of `known` to a link-local host without one: the system leaves it out of a connection's addresses. */
export function inZoneOf(known: string, host: string): string {
  const [, zone] = known.split("%");
  return zone === undefined || host.includes("%") || !isLinkLocal(host) ? host : `${host}%${zone}`;
}

/** Compares two hosts regardless of spelling. A zone that only one of them has is ignored. */
export function sameHost(a: string, b: string): boolean {
  const [one, other] = [canonicalHost(a), canonicalHost(b)];
  if (one === other) return true;
  return one.includes("%") !== other.includes("%") && withoutZone(one) === withoutZone(other);
}

/** Reports whether `host` is a loopback address. */
export function isLoopback(host: string): boolean {
  const text = canonicalHost(host);
  return isIpv4(text) ? text.startsWith("127.") : text === "::1";
}

/** The host that a connection to `host` reaches: the kernel takes the unspecified address (0.0.0.0, ::) for loopback. */
export function connectedHost(host: string): string {
  const text = canonicalHost(host);
  return text === "0.0.0.0" ? "127.0.0.1" : text === "::" ? "::1" : host;
}

/**
 * The bytes of an IP address in network order: 16, or 4 for IPv4 and IPv4-mapped IPv6. A zone is ignored. By hand:
 * node:net handles addresses as text only.
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
  return Uint8Array.from(groupBytes(groups));
}

/**
 * The network of a peer, for limits per source: an IPv4 address itself, or the first 64 bits of an IPv6 address, since one
 * host can use all addresses that share them.
 */
export function sourceNetwork(host: string): string {
  const bytes = host.includes(":") ? hostBytes(host) : null;
  return bytes?.length === 16 ? bytesHost(bytes.fill(0, 8)) : canonicalHost(host);
}

/** The bytes of hexadecimal groups of 16 bits. */
function groupBytes(groups: readonly string[]): number[] {
  return groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]);
}

/** The IP address of 4 or 16 bytes in network order, as {@linkcode canonicalHost} spells it. */
export function bytesHost(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, index) => (bytes[2 * index]! << 8 | bytes[2 * index + 1]!).toString(16));
  return canonicalHost(groups.join(":"));
}

/** A network, such as 192.0.2.0/24. */
export interface Subnet {
  /** Its first address, as {@linkcode canonicalHost} spells it. */
  readonly host: string;
  /** Prefix length: 0 to 32 for IPv4, to 128 for IPv6. */
  readonly bits: number;
}

/**
 * Parses `ADDRESS/BITS`.
 *
 * @throws {SyntaxError} If `text` is not a network, or the address has bits set beyond the prefix.
 */
export function parseSubnet(text: string): Subnet {
  const [host = "", bits = ""] = text.split(/\/(.*)/s);
  const bytes = hostBytes(host);
  if (bytes === null || !/^\d{1,3}$/.test(bits) || Number(bits) > 8 * bytes.length) {
    throw new SyntaxError(`not a network: "${text}"; write one such as 192.0.2.0/24 or 2001:db8::/32`);
  }
  const subnet = { host: bytesHost(bytes), bits: Number(bits) };
  const first = bytes.map((byte, index) => byte & mask(subnet.bits, index));
  if (first.some((byte, index) => byte !== bytes[index])) {
    throw new SyntaxError(`address has bits beyond the prefix: "${text}"; write ${bytesHost(first)}/${bits}`);
  }
  return subnet;
}

/**
 * Reports whether an IP address is in a network; IPv4-mapped IPv6 counts as IPv4. By hand: the masks are needed to parse
 * networks anyway, and node:net's BlockList rejects zones.
 */
export function isWithin(host: string, { host: network, bits }: Subnet): boolean {
  const [bytes, first] = [hostBytes(host), hostBytes(network)];
  if (bytes === null || first === null || bytes.length !== first.length) return false;
  return bytes.every((byte, index) => ((byte ^ first[index]!) & mask(bits, index)) === 0);
}

/** The bits of an address's byte that belong to a prefix of `bits`. */
function mask(bits: number, index: number): number {
  return 0xff00 >> Math.min(8, Math.max(0, bits - 8 * index)) & 255;
}
