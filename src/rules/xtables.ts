import {
  type Chain,
  type Family,
  familyOf,
  formatPorts,
  formatSubnet,
  type Protocol,
  protocolOf,
  type Rule,
  type Ruleset,
} from "./ruleset.ts";
import { CREATED, XTABLES_CHAINS, type XtablesTable } from "./xtables_chains.ts";
import type { XtablesState } from "./xtables_state.ts";

/**
 * Input for `iptables-restore --noflush` or `ip6tables-restore --noflush` that replaces our chains in a table, atomically.
 *
 * @param state The present state.
 * @param missing Things that the tool will create along with our chains, to be removed with them: "table", or names of
 * built-in chains.
 * @returns Undefined if there is nothing to do.
 */
export function xtablesScript(
  ruleset: Ruleset,
  table: XtablesTable,
  family: Family,
  state: XtablesState,
  missing: readonly string[] = [],
): string | undefined {
  const { chains } = XTABLES_CHAINS[table];
  const ours = chainsOf(ruleset, table, family);
  const wanted = new Set(ours.map(({ base }) => base));
  const creates = missing.filter((word) => word === "table" || wanted.has(word));
  const created = [...new Set([...state.created, ...creates])];
  const lines = ours.flatMap(({ base, lines }, at) => [
    `:${chains[base]} - [0:0]`,
    ...at === 0 && created.length > 0
      ? ["# No effect on packets; read when the rules are removed", createdRule(chains[base]!, created)]
      : [],
    ...lines.map((line) => line.startsWith("#") ? line : `-A ${chains[base]} ${line}`),
    ...jumpLines(table, state, base),
  ]);
  lines.push(...removalLines(table, state, (base) => !wanted.has(base)));
  return lines.length === 0 ? undefined : transaction(table, lines);
}

/** The built-in chains of a table that jump to chains of a ruleset. */
export function basesOf(ruleset: Ruleset, table: XtablesTable, family: Family): string[] {
  return chainsOf(ruleset, table, family).map(({ base }) => base);
}

/** Input that removes our chains of a table only; undefined if there are none. */
export function xtablesRemoval(table: XtablesTable, state: XtablesState): string | undefined {
  const lines = removalLines(table, state, () => true);
  return lines.length === 0 ? undefined : transaction(table, lines);
}

/**
 * Input that restores an earlier state of our chains in a table.
 *
 * @param before The state to restore.
 * @param state The present state.
 */
export function xtablesRestoration(
  table: XtablesTable,
  before: XtablesState,
  state: XtablesState,
): string | undefined {
  const { chains } = XTABLES_CHAINS[table];
  const lines = [...before.chains].flatMap(([name, rules]) => [`:${name} - [0:0]`, ...rules]);
  for (const base of before.jumps.keys()) lines.push(...jumpLines(table, state, base));
  lines.push(...removalLines(table, state, (base) => !before.chains.has(chains[base]!)));
  return lines.length === 0 ? undefined : transaction(table, lines);
}

/** Makes the jump to our chain the first rule of `base`, and the only one of its kind. */
function jumpLines(table: XtablesTable, state: XtablesState, base: string): string[] {
  if (state.first.has(base) && state.jumps.get(base) === 1) return [];
  const { protocol, chains } = XTABLES_CHAINS[table], jump = `-p ${protocol} -j ${chains[base]}`;
  return [...Array<string>(state.jumps.get(base) ?? 0).fill(`-D ${base} ${jump}`), `-I ${base} 1 ${jump}`];
}

function removalLines(table: XtablesTable, state: XtablesState, which: (base: string) => boolean): string[] {
  const { protocol, chains } = XTABLES_CHAINS[table];
  return Object.entries(chains).filter(([base]) => which(base)).flatMap(([base, name]) => [
    ...Array<string>(state.jumps.get(base) ?? 0).fill(`-D ${base} -p ${protocol} -j ${name}`),
    ...state.chains.has(name) ? [`-F ${name}`, `-X ${name}`] : [],
  ]);
}

function transaction(table: XtablesTable, lines: readonly string[]): string {
  return [`*${table}`, ...lines, "COMMIT", ""].join("\n");
}

function createdRule(chain: string, created: readonly string[]): string {
  return `-A ${chain} -m comment --comment "${CREATED}: ${created.join(" ")}"`;
}

/** The chains of a ruleset in a table, with their rules. */
function chainsOf(ruleset: Ruleset, table: XtablesTable, family: Family): { base: string; lines: string[] }[] {
  const { chains, hooks } = XTABLES_CHAINS[table];
  return Object.keys(chains).map((base) => {
    const chain = ruleset.chains.find(({ hook }) => hook === hooks[base]);
    return { base, lines: chain === undefined ? [] : chainLines(chain, family) };
  }).filter(({ lines }) => lines.length > 0);
}

/** The chain's rules and comments for one family; empty if only exemptions are left. */
function chainLines({ hook, rules }: Chain, family: Family): string[] {
  const ours = rules.filter((rule) => (familyOf(rule) ?? family) === family);
  if (ours.every(({ verdict }) => verdict === "return")) return [];
  return ours.flatMap((rule, at) => {
    const heading = ours[at - 1]?.note === rule.note ? [] : [`# ${rule.note}`];
    return [...heading, ...xtablesRules(rule, protocolOf(hook), family)];
  });
}

function xtablesRules(rule: Rule, protocol: Protocol, family: Family): string[] {
  const { from, notBy, mark, user, group, local, manyTo, to, fromPort, toPort, established, rate, verdict } = rule;
  const parts = [
    to !== undefined && `-d ${formatSubnet(to)}`,
    from !== undefined && `-i ${from}`,
    notBy !== undefined && `! -o ${notBy}`,
    `-p ${protocol}`,
    fromPort !== undefined && `--sport ${formatPorts(fromPort, ":")}`,
    toPort !== undefined && `--dport ${toPort}`,
    established && "! --syn",
    user !== undefined && `-m owner --uid-owner ${user}`,
    group !== undefined && `-m owner --gid-owner ${group}`,
    mark !== undefined && `-m mark --mark ${mark}`,
    local && "-m addrtype --dst-type LOCAL",
    manyTo && `-m addrtype --dst-type ${family === "ipv4" ? "BROADCAST,MULTICAST" : "MULTICAST"}`,
    rate !== undefined && `-m limit --limit ${rate}/second --limit-burst ${rate}`,
  ];
  const matches = parts.filter((part) => typeof part === "string").join(" ");
  return targetsOf(verdict).map((target) => `${matches} -j ${target}`);
}

/** The targets of a verdict, in the order in which a packet meets them. */
function targetsOf(verdict: Rule["verdict"]): string[] {
  if (typeof verdict === "string") return [verdict.toUpperCase()];
  if ("redirect" in verdict) return [`REDIRECT --to-ports ${verdict.redirect}`];
  if ("tproxy" in verdict) return [`TPROXY --on-port ${verdict.tproxy} --tproxy-mark ${verdict.mark}`];
  // Other programs' rules must not change the mark, which MARK alone would go on to.
  return [`MARK --set-mark ${verdict.mark}`, "ACCEPT"];
}
