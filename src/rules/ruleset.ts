import type { Subnet } from "../net/ip.ts";

/** A version of IP. */
export type Family = "ipv4" | "ipv6";

/** Both versions, in the order in which they are handled. */
export const FAMILIES: readonly Family[] = ["ipv4", "ipv6"];

/** A rule for TCP connections or UDP datagrams, as its chain is, independent of the tool. All given conditions must match. */
export interface Rule {
  /** Its purpose, in one line. */
  readonly note: string;
  /** Version of IP. */
  readonly family?: Family;
  /** Input interface. */
  readonly from?: string;
  /** Output interface other than this one. */
  readonly notBy?: string;
  /** The packet's mark. */
  readonly mark?: number;
  /** Id of the user whose process connects. */
  readonly user?: number;
  /** Id of that process's group. */
  readonly group?: number;
  /** Matches destinations that are this machine's addresses. */
  readonly local?: true;
  /** Matches multicast and broadcast destinations. */
  readonly manyTo?: true;
  /** Destination network. */
  readonly to?: Subnet;
  /** Source port, or an inclusive range. */
  readonly fromPort?: number | readonly [first: number, last: number];
  /** Destination port. */
  readonly toPort?: number;
  /** Matches all packets of a connection but the first. */
  readonly established?: true;
  /** Maximum packets a second; the rule does not match those beyond. */
  readonly rate?: number;
  /** Marks rules that match only the handler's probes, by which it detects that the rules are in place. */
  readonly sentinel?: true;
  /**
   * Leaves the connection to other rules, drops it, or redirects it to a local port. Or marks the packet; or hands it to the
   * transparent socket at a local port, marked, and drops it if there is none.
   */
  readonly verdict:
    | "return"
    | "drop"
    | { readonly redirect: number }
    | { readonly mark: number }
    | { readonly tproxy: number; readonly mark: number };
}

/** A chain's place on a packet's way through this machine, for TCP, or with `udp_` for UDP. */
export type Hook = "output" | "prerouting" | "input" | "udp_output" | "udp_prerouting" | "udp_postrouting";

/** A transport protocol. */
export type Protocol = "tcp" | "udp";

/** Both protocols, in the order in which they are handled. */
export const PROTOCOLS: readonly Protocol[] = ["tcp", "udp"];

/** The protocol that a hook's rules are for. */
export function protocolOf(hook: Hook): Protocol {
  return hook.startsWith("udp_") ? "udp" : "tcp";
}

/** The rules of one hook. */
export interface Chain {
  /** Its hook. */
  readonly hook: Hook;
  /** In order; the first match decides. */
  readonly rules: readonly Rule[];
}

/** All rules for one handler, which are installed and removed together. */
export interface Ruleset {
  /** The handler's side; both sides' rules can be installed at the same time. */
  readonly side: Side;
  /** At most one per hook. */
  readonly chains: readonly Chain[];
}

/** A handler's side. */
export type Side = "client" | "server";

/** Both sides, in the order in which they are handled. */
export const SIDES: readonly Side[] = ["client", "server"];

/** The version of IP that a rule matches; undefined for both. */
export function familyOf({ family, to }: Rule): Family | undefined {
  return to === undefined ? family : familyOfHost(to.host);
}

/** The version of an IP address. */
export function familyOfHost(host: string): Family {
  return host.includes(":") ? "ipv6" : "ipv4";
}

/** The versions of IP of which rules hand packets to a transparent socket. */
export function tproxyFamilies({ chains }: Ruleset): Family[] {
  const rules = chains.flatMap(({ rules }) => rules).filter(({ verdict }) => {
    return typeof verdict !== "string" && "tproxy" in verdict;
  });
  return FAMILIES.filter((family) => rules.some((rule) => (familyOf(rule) ?? family) === family));
}

/** Formats a port or a range. @param separator The tool's separator of a range. */
export function formatPorts(ports: number | readonly [first: number, last: number], separator: "-" | ":"): string {
  return typeof ports === "number" ? String(ports) : ports.join(separator);
}

/** Formats a network as both tools do: a single address without its prefix length. */
export function formatSubnet({ host, bits }: Subnet): string {
  return bits === (host.includes(":") ? 128 : 32) ? host : `${host}/${bits}`;
}
