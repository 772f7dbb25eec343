import type { Address } from "../net/address.ts";
import type { Family } from "./ruleset.ts";

/** Kinds of rules that bring connections to a handler. */
export type RedirectKind = "redirect" | "tproxy";

/**
 * Sentinel addresses, which rules redirect even for the handler itself. By connecting to them it detects rules without the
 * permission to list them. They are on loopback, at ports that no program serves (tcpmux, RFC 1078, and compressnet):
 * without rules a connection is refused at once and never leaves the machine.
 */
export const SENTINELS: Readonly<Record<RedirectKind, Readonly<Record<Family, Address>>>> = {
  redirect: { ipv4: { host: "127.6.5.22", port: 1 }, ipv6: { host: "::1", port: 1 } },
  tproxy: { ipv4: { host: "127.6.5.22", port: 2 }, ipv6: { host: "::1", port: 2 } },
};

/**
 * Source ports, inclusive, from which rules redirect connections to any destination, so that the handler can make a probe
 * like an application's. Below the system's ephemeral ports, and enough of them that none is reused while the kernel still
 * tracks its last connection.
 */
export const PROBE_PORTS: readonly [first: number, last: number] = [6458, 6521];
