import { isIpv4, isIpv6, sameHost } from "./ip.ts";

/** Default port of a server handler (paper, section III-B). */
export const DEFAULT_PORT = 6522;

/** The address of a TCP endpoint. */
export interface Address {
  /** An IPv4 address, an IPv6 address without brackets, or a host name. */
  readonly host: string;
  /** 0 to 65,535; 0 only for listening at any free port. */
  readonly port: number;
}

/** The address of a channel at a server handler, as a client handler connects to it. */
export interface ChannelAddress extends Address {
  /** The way that its connection must take: a local IP address, or the name of a network device. Default: any. */
  readonly via?: string;
}

/** Compares two addresses, their hosts with {@linkcode sameHost}. */
export function sameAddress(a: Address, b: Address): boolean {
  return a.port === b.port && sameHost(a.host, b.host);
}

/** The same host by the same way, `offset` ports higher. */
export function portAbove<T extends Address>(address: T, offset: number): T {
  return { ...address, port: address.port + offset };
}

/**
 * Parses `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`.
 *
 * @param defaultPort Port of a `text` without one; if omitted, a missing port is an error.
 * @returns The address, its host without brackets and, but for a zone, in lower case.
 * @throws {SyntaxError} If `text` is not an address; the message says what would be right.
 */
export function parseAddress(text: string, defaultPort?: number): Address {
  const [, onlyPort] = /^:?(\d{1,5})$/.exec(text) ?? [];
  if (onlyPort !== undefined) {
    throw new SyntaxError(`missing host: "${text}"; write HOST:${onlyPort}, such as 127.0.0.1:${onlyPort}`);
  }
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^\s:\[\],=]+))(?::(\d+))?$/.exec(text);
  if (match === null) {
    const hint = /^[0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(text)
      ? `write an IPv6 address as [${text}]`
      : text.includes(",")
      ? "give one at a time"
      : "write HOST:PORT";
    throw new SyntaxError(`not an address: "${text}"; ${hint}`);
  }
  const [, ipv6, other = "", port] = match;
  // A zone may be the name of a device, whose case counts.
  const host = (ipv6 ?? other).replace(/^[^%]*/, (text) => text.toLowerCase());
  if (ipv6 !== undefined && !isIpv6(host)) {
    throw new SyntaxError(`not an IPv6 address: "${text}"; write one such as [2001:db8::1]`);
  }
  if (/^[\d.]+$/.test(host) && !isIpv4(host)) {
    throw new SyntaxError(`not an IPv4 address: "${text}"; write four numbers from 0 to 255, such as 192.0.2.1`);
  }
  // Only one trailing dot is allowed: it makes a name absolute, and a second one would give a name two spellings.
  if (/^\.|\.\./.test(host)) {
    throw new SyntaxError(`empty part in a host name: "${text}"; write a name such as web.example.net`);
  }
  if (port !== undefined) return { host, port: parsePort(port) };
  if (defaultPort === undefined) throw new SyntaxError(`missing port: "${text}"; write ${text}:PORT`);
  return { host, port: defaultPort };
}

/**
 * Parses a port number, 0 (any free port, for listening) to 65,535.
 *
 * @throws {SyntaxError} If `text` is not a port number.
 */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65535) {
    throw new SyntaxError(`not a port: "${text}"; write a number from 0 to 65535`);
  }
  return port;
}

/** Formats an address as `host:port`, an IPv6 host in brackets. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Formats a channel's address, with its way if it has one: `192.0.2.10:6522 via wlan0`. */
export function formatChannel(address: ChannelAddress): string {
  return address.via === undefined ? formatAddress(address) : `${formatAddress(address)} via ${address.via}`;
}
