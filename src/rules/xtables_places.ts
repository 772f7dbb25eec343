import type { Side } from "./ruleset.ts";

/** Where a side's rules are: a table of iptables, and the chains of ours in it, by the chain that jumps to them. */
export interface XtablesPlace {
  /** The table. */
  readonly table: "nat" | "filter";
  /** Our chains' names, by the name of the chain that jumps to them. */
  readonly chains: Readonly<Record<string, string>>;
}

/** The same names in iptables and ip6tables. */
export const XTABLES_PLACES: Readonly<Record<Side, XtablesPlace>> = {
  client: { table: "nat", chains: { OUTPUT: "MICSS_OUTPUT", PREROUTING: "MICSS_PREROUTING" } },
  server: { table: "filter", chains: { INPUT: "MICSS_INPUT" } },
};
/** How the comment of a rule begins that says what was made beside our chains, so that it can go with them. */
export const MADE = "micss made";
