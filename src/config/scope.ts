import { DEFAULT_PORT, parseAddress, parsePort } from "../net/address.ts";
import { canonicalHost, isIp, isIpv6, isWithin, parseSubnet, sameHost, type Subnet } from "../net/ip.ts";
import { quote } from "./problems.ts";
import { checkPort } from "./syntax.ts";

/** Server handlers that a client handler's key belongs to, and the port to ask them at. */
export interface KeyScope {
  /** An address in canonical spelling, a name to be resolved, or a network. */
  readonly of: string | Subnet;
  /** Port to send identification requests to. */
  readonly port: number;
}

/**
 * Reads `HOST`, `HOST:PORT`, `192.0.2.0/24`, `192.0.2.0/24:PORT`, `[2001:db8::]/32`, `[2001:db8::]/32:PORT`.
 *
 * @throws {SyntaxError} If `text` is none of these.
 */
export function parseScope(text: string): KeyScope {
  const match = /^(?:\[([^\]]+)\](\/[^:]*)|([^:[\]]+\/[^:]*))(?::([^:]*))?$/.exec(text);
  if (match === null) {
    if (text.includes("/")) {
      throw new SyntaxError(`not a network: ${quote(text)}; write 192.0.2.0/24 or [2001:db8::]/32`);
    }
    const { host, port } = parseAddress(text, DEFAULT_PORT);
    return { of: isIp(host) ? canonicalHost(host) : host, port: checkPort(port, text) };
  }
  const [, ipv6, bits = "", ipv4, port] = match;
  const of = parseSubnet(ipv4 ?? `${ipv6}${bits}`);
  return { of, port: port === undefined ? DEFAULT_PORT : checkPort(parsePort(port), text) };
}

/** Writes a scope in the syntax of {@linkcode parseScope}. */
export function formatScope({ of, port }: KeyScope): string {
  const host = typeof of === "string" ? of : of.host;
  const bracketed = isIpv6(host) ? `[${host}]` : host;
  return `${bracketed}${typeof of === "string" ? "" : `/${of.bits}`}${port === DEFAULT_PORT ? "" : `:${port}`}`;
}

/** Tells whether a scope includes `host`, an address or a name. Names are compared, not resolved. */
export function covers({ of }: KeyScope, host: string): boolean {
  return typeof of === "string" ? sameHost(of, host) : isWithin(host, of);
}
