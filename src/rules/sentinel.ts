import type { Address } from "../net/address.ts";
import type { Family } from "./ruleset.ts";

/** How rules lead connections to a handler. */
export type Lead = "redirect" | "tproxy";

/**
 * Destinations that rules lead to the handler whoever connects, the handler itself included: so it can see that rules are
 * in place without the right to look at them. On loopback, at ports that no program serves (those of tcpmux, RFC 1078, and
 * compressnet): without rules a connection is refused at once, and never leaves the machine.
 */
export const SENTINELS: Readonly<Record<Lead, Readonly<Record<Family, Address>>>> = {
  redirect: { ipv4: { host: "127.6.5.22", port: 1 }, ipv6: { host: "::1", port: 1 } },
  tproxy: { ipv4: { host: "127.6.5.22", port: 2 }, ipv6: { host: "::1", port: 2 } },
};

/**
 * The first and the last of the local ports from which rules redirect whatever connects, wherever to: so the handler can
 * try a connection that they have to take from an application. Below the ports that the system gives out by itself, and as
 * many as keep one from being used again while the kernel still tracks its last connection.
 */
export const PROBE_PORTS: readonly [first: number, last: number] = [6458, 6521];
