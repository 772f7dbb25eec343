import type { Hook, Protocol, Side } from "./ruleset.ts";

/** The tables of iptables that rules of ours are in. */
export type XtablesTable = "nat" | "mangle" | "filter";

/** Our chains in one table. */
export interface XtablesChains {
  /** The protocol of their rules. */
  readonly protocol: Protocol;
  /** Names of our chains by the built-in chain that jumps to them. */
  readonly chains: Readonly<Record<string, string>>;
  /** Hooks of the built-in chains. */
  readonly hooks: Readonly<Record<string, Hook>>;
}

/** By table, the same for iptables and ip6tables. */
export const XTABLES_CHAINS: Readonly<Record<XtablesTable, XtablesChains>> = {
  nat: {
    protocol: "tcp",
    chains: { OUTPUT: "MICSS_OUTPUT", PREROUTING: "MICSS_PREROUTING" },
    hooks: { OUTPUT: "output", PREROUTING: "prerouting" },
  },
  mangle: {
    protocol: "udp",
    chains: {
      OUTPUT: "MICSS_UDP_OUTPUT",
      PREROUTING: "MICSS_UDP_PREROUTING",
      POSTROUTING: "MICSS_UDP_POSTROUTING",
    },
    hooks: { OUTPUT: "udp_output", PREROUTING: "udp_prerouting", POSTROUTING: "udp_postrouting" },
  },
  filter: { protocol: "tcp", chains: { INPUT: "MICSS_INPUT" }, hooks: { INPUT: "input" } },
};

/** The tables of a side's rules. */
export const XTABLES_TABLES: Readonly<Record<Side, readonly XtablesTable[]>> = {
  client: ["nat", "mangle"],
  server: ["filter"],
};

/** Prefix of the comment that records the table and chains created along with ours, to be removed with them. */
export const CREATED = "micss made";
