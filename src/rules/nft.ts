import { type Chain, familyOf, formatPorts, formatSubnet, type Rule, type Ruleset, type Side } from "./ruleset.ts";

/** The tables of nftables, one for each side; nothing outside of them is ever touched. */
export const NFT_TABLES: Readonly<Record<Side, string>> = { client: "micss", server: "micss_server" };

/**
 * Those of nat come just before dstnat's -100, where other programs have theirs: of chains with the same priority, the
 * kernel asks the one that was registered last first, and the first that rewrites a connection decides.
 */
const HOOKS: Readonly<Record<Chain["hook"], string>> = {
  output: "type nat hook output priority -101",
  prerouting: "type nat hook prerouting priority -101",
  input: "type filter hook input priority 0",
};

/**
 * The input of `nft -f -` that puts `ruleset` in place of whatever its table holds: the kernel takes all of it, or nothing.
 */
export function nftScript(ruleset: Ruleset): string {
  const table = NFT_TABLES[ruleset.side];
  return [...replacing(table), `table inet ${table} {`, ...ruleset.chains.flatMap(chainLines), "}", ""].join("\n");
}

/** The input of `nft -f -` that removes what is there for `side`. */
export function nftRemoval(side: Side): string {
  return [`delete table inet ${NFT_TABLES[side]}`, ""].join("\n");
}

/**
 * The input of `nft -f -` that puts back what there was.
 *
 * @param listed What `nft list table` showed of it.
 */
export function nftRestoration(side: Side, listed: string): string {
  return [...replacing(NFT_TABLES[side]), listed].join("\n");
}

/** To add a table that is there already is no error, to delete one that is not would be. */
function replacing(table: string): string[] {
  return [`table inet ${table}`, `delete table inet ${table}`];
}

function chainLines({ hook, rules }: Chain): string[] {
  const lines = rules.flatMap((rule, at) => {
    const heading = rules[at - 1]?.note === rule.note ? [] : [`# ${rule.note}`];
    return [...heading, nftRule(rule)];
  });
  const body = [`${HOOKS[hook]}; policy accept;`, "meta l4proto != tcp return", ...lines];
  return [`  chain ${hook} {`, ...body.map((line) => `    ${line}`), "  }"];
}

function nftRule(rule: Rule): string {
  const { from, user, group, local, to, fromPort, toPort, established, rate, verdict } = rule;
  const family = familyOf(rule);
  const parts = [
    to === undefined && family !== undefined && `meta nfproto ${family}`,
    from !== undefined && `iifname "${from}"`,
    user !== undefined && `meta skuid ${user}`,
    group !== undefined && `meta skgid ${group}`,
    local && "fib daddr type local",
    to !== undefined && `${family === "ipv4" ? "ip" : "ip6"} daddr ${formatSubnet(to)}`,
    fromPort !== undefined && `tcp sport ${formatPorts(fromPort, "-")}`,
    toPort !== undefined && `tcp dport ${toPort}`,
    established && "tcp flags & (fin | syn | rst | ack) != syn",
    rate !== undefined && `limit rate ${rate}/second burst ${rate} packets`,
  ].filter((part) => typeof part === "string");
  if (typeof verdict === "string") return [...parts, verdict].join(" ");
  const tcp = fromPort === undefined && toPort === undefined ? ["meta l4proto tcp"] : [];
  return [...tcp, ...parts, `redirect to :${verdict.redirect}`].join(" ");
}
