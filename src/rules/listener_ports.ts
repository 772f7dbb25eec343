import { UsageError } from "../config/problems.ts";
import type { Address } from "../net/address.ts";
import type { Destination } from "./resolved_servers.ts";
import type { Family } from "./ruleset.ts";

/** The setting of listeners that rules lead to. */
export type ListenerSetting = "redirect" | "udp-tproxy";

/** Port of a listener by version of IP, if there is one. */
export type ListenerPorts = Readonly<Partial<Record<Family, number>>>;

/**
 * Ports that rules can reach: on loopback for this machine's connections, at any address for those of others.
 *
 * @throws {UsageError} If there are none.
 */
export function listenerPorts(
  setting: ListenerSetting,
  addresses: readonly Address[],
  forwarding: boolean,
): ListenerPorts {
  if (addresses.length === 0) {
    throw new UsageError([`micss rules: no ${setting} address; give --${setting}, such as 0.0.0.0:6522`]);
  }
  if (addresses.some(({ port }) => port === 0)) {
    throw new UsageError([`micss rules: a ${setting} at port 0 gets a different port each time; give it a fixed one`]);
  }
  const at = (...hosts: string[]) => addresses.find(({ host }) => hosts.includes(host))?.port;
  const ports = {
    // An IPv6 socket at :: accepts IPv4 connections too.
    ipv4: at("0.0.0.0", ...forwarding ? [] : ["127.0.0.1"]) ?? at("::"),
    ipv6: at("::", ...forwarding ? [] : ["::1"]),
  };
  if (ports.ipv4 === undefined && ports.ipv6 === undefined) {
    const anywhere = forwarding ? "0.0.0.0 or [::]" : "0.0.0.0, [::] or loopback";
    throw new UsageError([`micss rules: rules can't reach any ${setting} address; let one be at ${anywhere}`]);
  }
  return Object.fromEntries(Object.entries(ports).filter(([, port]) => port !== undefined));
}

/** An error, since connections meant to be redirected would pass in the clear. */
export function missingListener(setting: ListenerSetting, { note, to, family }: Destination): UsageError {
  const [name, other] = family === "ipv4" ? ["IPv4", "[::]/0"] : ["IPv6", "0.0.0.0/0"];
  const where = to === undefined ? "" : ` at ${to.host}`;
  const narrower = to === undefined ? `, or take ${other} instead of *` : "";
  return new UsageError([
    `micss rules: ${note}${where} would bypass the handler over ${name}, which no ${setting} address accepts; ` +
    `let one be at [::], which accepts both${narrower}`,
  ]);
}
