import { isIpv4, isIpv6 } from "./ip.ts";

/** The port that a server handler listens on where none is given (paper, section III-B). */
export const DEFAULT_PORT = 6522;

/** Where a TCP endpoint is. */
export interface Address {
  /** An IPv4 or IPv6 address, the latter without brackets, or a host name. */
  readonly host: string;
  /** 0 to 65,535; 0 only to listen at any free port. */
  readonly port: number;
}

/** The same host, so many ports above. */
export function portAbove({ host, port }: Address, ports: number): Address {
  return { host, port: port + ports };
}

/**
 * Reads `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`.
 *
 * @param text What a person wrote.
 * @param defaultPort The port to take where `text` has none; without it a missing port is an error.
 * @returns The address, its host without brackets and in lower case.
 * @throws {SyntaxError} When `text` is no address; the message says what would be right.
 */
export function parseAddress(text: string, defaultPort?: number): Address {
  const [, port] = /^:?(\d{1,5})$/.exec(text) ?? [];
  if (port !== undefined) throw new SyntaxError(`"${text}" has no host; write HOST:${port}, such as 127.0.0.1:${port}`);
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^\s:\[\],=]+))(?::(\d+))?$/.exec(text);
  if (match === null) {
    const hint = /^[0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(text)
      ? `write an IPv6 address as [${text}]`
      : text.includes(",")
      ? "give one at a time"
      : "write HOST:PORT";
    throw new SyntaxError(`"${text}" is no address; ${hint}`);
  }
  const host = (match[1] ?? match[2] ?? "").toLowerCase();
  if (match[1] !== undefined && !isIpv6(host)) {
    throw new SyntaxError(`"${text}" is no IPv6 address; write one such as [2001:db8::1]`);
  }
  if (/^[\d.]+$/.test(host) && !isIpv4(host)) {
    throw new SyntaxError(`"${text}" is no IPv4 address; write four numbers from 0 to 255, such as 192.0.2.1`);
  }
  // Only the last dot may have nothing beside it, and stands for nothing: two of them would be two spellings of a name.
  if (/^\.|\.\./.test(host)) {
    throw new SyntaxError(`"${text}" has a dot with nothing before it; write a name such as web.example.net`);
  }
  if (match[3] === undefined) {
    if (defaultPort === undefined) throw new SyntaxError(`"${text}" has no port; write ${text}:PORT`);
    return { host, port: defaultPort };
  }
  return { host, port: parsePort(match[3]) };
}

/**
 * Reads a port number, 0 (any free port, for listening) to 65,535.
 *
 * @throws {SyntaxError} When `text` is none.
 */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65535) {
    throw new SyntaxError(`"${text}" is no port; write a number from 0 to 65535`);
  }
  return port;
}

/** The address as a person writes it: `host:port`, an IPv6 host in brackets. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
