import type { Side } from "./ruleset.ts";

/** The places of a side's rules in iptables. */
export interface XtablesChains {
  /** The table. */
  readonly table: "nat" | "filter";
  /** Names of our chains by the built-in chain that jumps to them. */
  readonly chains: Readonly<Record<string, string>>;
}

/** By side, the same for iptables and ip6tables. */
export const XTABLES_CHAINS: Readonly<Record<Side, XtablesChains>> = {
  client: { table: "nat", chains: { OUTPUT: "MICSS_OUTPUT", PREROUTING: "MICSS_PREROUTING" } },
  server: { table: "filter", chains: { INPUT: "MICSS_INPUT" } },
};

/** Prefix of the comment that records the table and chains created along with ours, to be removed with them. */
export const CREATED = "micss made";
