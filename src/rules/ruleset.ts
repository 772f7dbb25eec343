import type { Subnet } from "../net/ip.ts";

/** A version of IP. */
export type Family = "ipv4" | "ipv6";

/** Both, in the order in which everything is done for them. */
export const FAMILIES: readonly Family[] = ["ipv4", "ipv6"];

/** One rule for TCP connections, whatever tool it is made with: all that is given has to match. */
export interface Rule {
  /** Why the rule is there, in one line. */
  readonly note: string;
  /** Only connections over this version of IP. */
  readonly family?: Family;
  /** The device by which the connection came in. */
  readonly from?: string;
  /** The number of the user whose process connects. */
  readonly user?: number;
  /** The number of that process's group. */
  readonly group?: number;
  /** Whether the destination is an address of this machine. */
  readonly local?: true;
  /** The network of the destination. */
  readonly to?: Subnet;
  /** The port that connects, or the first and the last of several. */
  readonly fromPort?: number | readonly [first: number, last: number];
  /** The destination's port. */
  readonly toPort?: number;
  /** Packets other than the first one of a connection. */
  readonly established?: true;
  /** As many packets a second as this; the rule does not match those beyond. */
  readonly rate?: number;
  /** Whether it is there for the handler alone, which sees by it that the rules are in place; it takes nobody else's. */
  readonly sign?: true;
  /** What becomes of the connection: left to other rules, dropped, or sent to a port of this machine. */
  readonly verdict: "return" | "drop" | { readonly redirect: number };
}

/** Where in a packet's way through this machine a chain of rules is. */
export type Hook = "output" | "prerouting" | "input";

/** The rules at one place, the first that matches counts. */
export interface Chain {
  /** Where they are. */
  readonly hook: Hook;
  /** Their order matters. */
  readonly rules: readonly Rule[];
}

/** What `micss rules` puts in place for one handler, and takes away, as a whole. */
export interface Ruleset {
  /** Whose it is; the client's and the server's can be in place at the same time. */
  readonly side: Side;
  /** No hook twice. */
  readonly chains: readonly Chain[];
}

/** A handler's side. */
export type Side = "client" | "server";

/** Both, in the order in which everything is done for them. */
export const SIDES: readonly Side[] = ["client", "server"];

/** The version of IP that a rule is for; undefined for both. */
export function familyOf({ family, to }: Rule): Family | undefined {
  return to === undefined ? family : familyOfHost(to.host);
}

/** The version of an IP address. */
export function familyOfHost(host: string): Family {
  return host.includes(":") ? "ipv6" : "ipv4";
}

/** Ports as a tool writes them. @param to What it has between the first and the last. */
export function formatPorts(ports: number | readonly [first: number, last: number], to: "-" | ":"): string {
  return typeof ports === "number" ? String(ports) : ports.join(to);
}

/** A network as both tools write it: one address without its length. */
export function formatSubnet({ host, bits }: Subnet): string {
  return bits === (host.includes(":") ? 128 : 32) ? host : `${host}/${bits}`;
}
