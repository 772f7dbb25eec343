import {
  type Chain,
  familyOf,
  formatPorts,
  formatSubnet,
  type Protocol,
  protocolOf,
  type Rule,
  type Ruleset,
  type Side,
} from "./ruleset.ts";

/** Our nftables tables by side; nothing outside them is ever changed. */
export const NFT_TABLES: Readonly<Record<Side, string>> = { client: "micss", server: "micss_server" };

/**
 * The nat chains come just before dstnat's -100, which other programs use: among chains of equal priority the kernel runs
 * the latest first, and the first one that rewrites a connection decides. The chains that mark packets come just after
 * mangle's -150, since the last mark decides.
 */
const HOOKS: Readonly<Record<Chain["hook"], string>> = {
  output: "type nat hook output priority -101",
  prerouting: "type nat hook prerouting priority -101",
  input: "type filter hook input priority 0",
  udp_output: "type route hook output priority -149",
  udp_prerouting: "type filter hook prerouting priority -149",
  udp_postrouting: "type filter hook postrouting priority -149",
};

/**
 * Input for `nft -f -` that replaces the contents of the ruleset's table, atomically.
 */
export function nftScript(ruleset: Ruleset): string {
  const table = NFT_TABLES[ruleset.side];
  return [...deleteIfPresent(table), `table inet ${table} {`, ...ruleset.chains.flatMap(chainLines), "}", ""].join(
    "\n",
  );
}

/** Input for `nft -f -` that removes a side's table. */
export function nftRemoval(side: Side): string {
  return [`delete table inet ${NFT_TABLES[side]}`, ""].join("\n");
}

/**
 * Input for `nft -f -` that restores a side's table.
 *
 * @param listed The table as listed by `nft list table`.
 */
export function nftRestoration(side: Side, listed: string): string {
  return [...deleteIfPresent(NFT_TABLES[side]), listed].join("\n");
}

/** Adding an existing table is harmless, while deleting a missing one is an error. */
function deleteIfPresent(table: string): string[] {
  return [`table inet ${table}`, `delete table inet ${table}`];
}

function chainLines({ hook, rules }: Chain): string[] {
  const protocol = protocolOf(hook);
  const lines = rules.flatMap((rule, at) => {
    const heading = rules[at - 1]?.note === rule.note ? [] : [`# ${rule.note}`];
    return [...heading, ...nftRules(rule, protocol)];
  });
  const body = [`${HOOKS[hook]}; policy accept;`, `meta l4proto != ${protocol} return`, ...lines];
  return [`  chain ${hook} {`, ...body.map((line) => `    ${line}`), "  }"];
}

function nftRules(rule: Rule, protocol: Protocol): string[] {
  const { from, notBy, mark, user, group, local, manyTo, to, fromPort, toPort, established, rate, verdict } = rule;
  const family = familyOf(rule);
  const parts = [
    to === undefined && family !== undefined && `meta nfproto ${family}`,
    from !== undefined && `iifname "${from}"`,
    notBy !== undefined && `oifname != "${notBy}"`,
    mark !== undefined && `meta mark ${mark}`,
    user !== undefined && `meta skuid ${user}`,
    group !== undefined && `meta skgid ${group}`,
    local && "fib daddr type local",
    manyTo && "fib daddr type { broadcast, multicast }",
    to !== undefined && `${family === "ipv4" ? "ip" : "ip6"} daddr ${formatSubnet(to)}`,
    fromPort !== undefined && `${protocol} sport ${formatPorts(fromPort, "-")}`,
    toPort !== undefined && `${protocol} dport ${toPort}`,
    established && "tcp flags & (fin | syn | rst | ack) != syn",
    rate !== undefined && `limit rate ${rate}/second burst ${rate} packets`,
  ].filter((part) => typeof part === "string");
  if (typeof verdict === "string") return [[...parts, verdict].join(" ")];
  const transport = fromPort === undefined && toPort === undefined ? [`meta l4proto ${protocol}`] : [];
  const matches = [...transport, ...parts].join(" ");
  if ("redirect" in verdict) return [`${matches} redirect to :${verdict.redirect}`];
  if (!("tproxy" in verdict)) return [`${matches} meta mark set ${verdict.mark} accept`];
  const ip = family === "ipv4" ? "ip" : "ip6";
  // Without a socket at that port, tproxy goes on with the next rule.
  return [`${matches} tproxy ${ip} to :${verdict.tproxy} meta mark set ${verdict.mark} accept`, `${matches} drop`];
}
