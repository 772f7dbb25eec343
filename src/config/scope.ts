import { DEFAULT_PORT, parseAddress, parsePort } from "../net/address.ts";
import { canonicalHost, isIp, isIpv6, isWithin, parseSubnet, sameHost, type Subnet } from "../net/ip.ts";
import { quote } from "./problems.ts";
import { checkPort } from "./syntax.ts";

/** Which server handlers a client handler's key is for, and where they are asked. */
export interface KeyScope {
  /** One address in its one spelling, a name as it is to be resolved, or a network. */
  readonly of: string | Subnet;
  /** The port at which a server handler is asked for its channels. */
  readonly port: number;
}

/**
 * Reads `HOST`, `HOST:PORT`, `192.0.2.0/24`, `192.0.2.0/24:PORT`, `[2001:db8::]/32`, `[2001:db8::]/32:PORT`.
 *
 * @throws {SyntaxError} When `text` is none of these.
 */
export function parseScope(text: string): KeyScope {
  const match = /^(?:\[([^\]]+)\](\/[^:]*)|([^:[\]]+\/[^:]*))(?::([^:]*))?$/.exec(text);
  if (match === null) {
    if (text.includes("/")) {
      throw new SyntaxError(`${quote(text)} is no network; write one as 192.0.2.0/24 or [2001:db8::]/32`);
    }
    const { host, port } = parseAddress(text, DEFAULT_PORT);
    return { of: isIp(host) ? canonicalHost(host) : host, port: checkPort(port, text) };
  }
  const [, ipv6, bits = "", ipv4, port] = match;
  const of = parseSubnet(ipv4 ?? `${ipv6}${bits}`);
  return { of, port: port === undefined ? DEFAULT_PORT : checkPort(parsePort(port), text) };
}

/** Writes a scope as {@linkcode parseScope} reads it. */
export function formatScope({ of, port }: KeyScope): string {
  const host = typeof of === "string" ? of : of.host;
  const bracketed = isIpv6(host) ? `[${host}]` : host;
  return `${bracketed}${typeof of === "string" ? "" : `/${of.bits}`}${port === DEFAULT_PORT ? "" : `:${port}`}`;
}

/** Whether a key is for `host`, an address or a name, as it is written: no name is resolved. */
export function covers({ of }: KeyScope, host: string): boolean {
  return typeof of === "string" ? sameHost(of, host) : isWithin(host, of);
}
