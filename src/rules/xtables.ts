import {
  type Chain,
  type Family,
  familyOf,
  formatPorts,
  formatSubnet,
  type Rule,
  type Ruleset,
  type Side,
} from "./ruleset.ts";
import { CREATED, XTABLES_CHAINS } from "./xtables_chains.ts";
import type { XtablesState } from "./xtables_state.ts";

/**
 * Input for `iptables-restore --noflush` or `ip6tables-restore --noflush` that replaces our chains, atomically.
 *
 * @param state The present state.
 * @param missing Things that the tool will create along with our chains, to be removed with them: "table", or names of
 * built-in chains.
 * @returns Undefined if there is nothing to do.
 */
export function xtablesScript(
  ruleset: Ruleset,
  family: Family,
  state: XtablesState,
  missing: readonly string[] = [],
): string | undefined {
  const { table, chains } = XTABLES_CHAINS[ruleset.side];
  const ours = ruleset.chains.map((chain) => ({ base: chain.hook.toUpperCase(), lines: chainLines(chain, family) }))
    .filter(({ lines }) => lines.length > 0);
  const wanted = new Set(ours.map(({ base }) => base));
  const creates = missing.filter((word) => word === "table" || wanted.has(word));
  const created = [...new Set([...state.created, ...creates])];
  const lines = ours.flatMap(({ base, lines }, at) => [
    `:${chains[base]} - [0:0]`,
    ...at === 0 && created.length > 0
      ? ["# No effect on packets; read when the rules are removed", createdRule(chains[base]!, created)]
      : [],
    ...lines.map((line) => line.startsWith("#") ? line : `-A ${chains[base]} ${line}`),
    ...jumpLines(ruleset.side, state, base),
  ]);
  lines.push(...removalLines(ruleset.side, state, (base) => !wanted.has(base)));
  return lines.length === 0 ? undefined : transaction(table, lines);
}

/** Input that removes our chains only; undefined if there are none. */
export function xtablesRemoval(side: Side, state: XtablesState): string | undefined {
  const lines = removalLines(side, state, () => true);
  return lines.length === 0 ? undefined : transaction(XTABLES_CHAINS[side].table, lines);
}

/**
 * Input that restores an earlier state of our chains.
 *
 * @param before The state to restore.
 * @param state The present state.
 */
export function xtablesRestoration(side: Side, before: XtablesState, state: XtablesState): string | undefined {
  const { table, chains } = XTABLES_CHAINS[side];
  const lines = [...before.chains].flatMap(([name, rules]) => [`:${name} - [0:0]`, ...rules]);
  for (const base of before.jumps.keys()) lines.push(...jumpLines(side, state, base));
  lines.push(...removalLines(side, state, (base) => !before.chains.has(chains[base]!)));
  return lines.length === 0 ? undefined : transaction(table, lines);
}

/** Makes the jump to our chain the first rule of `base`, and the only one of its kind. */
function jumpLines(side: Side, state: XtablesState, base: string): string[] {
  if (state.first.has(base) && state.jumps.get(base) === 1) return [];
  const jump = `-p tcp -j ${XTABLES_CHAINS[side].chains[base]}`;
  return [...Array<string>(state.jumps.get(base) ?? 0).fill(`-D ${base} ${jump}`), `-I ${base} 1 ${jump}`];
}

function removalLines(side: Side, state: XtablesState, which: (base: string) => boolean): string[] {
  const { chains } = XTABLES_CHAINS[side];
  return Object.entries(chains).filter(([base]) => which(base)).flatMap(([base, name]) => [
    ...Array<string>(state.jumps.get(base) ?? 0).fill(`-D ${base} -p tcp -j ${name}`),
    ...state.chains.has(name) ? [`-F ${name}`, `-X ${name}`] : [],
  ]);
}

function transaction(table: string, lines: readonly string[]): string {
  return [`*${table}`, ...lines, "COMMIT", ""].join("\n");
}

function createdRule(chain: string, created: readonly string[]): string {
  return `-A ${chain} -m comment --comment "${CREATED}: ${created.join(" ")}"`;
}

/** The chain's rules and comments for one family; empty if only exemptions are left. */
function chainLines({ rules }: Chain, family: Family): string[] {
  const ours = rules.filter((rule) => (familyOf(rule) ?? family) === family);
  if (ours.every(({ verdict }) => verdict === "return")) return [];
  return ours.flatMap((rule, at) => [...ours[at - 1]?.note === rule.note ? [] : [`# ${rule.note}`], xtablesRule(rule)]);
}

function xtablesRule(rule: Rule): string {
  const { from, user, group, local, to, fromPort, toPort, established, rate, verdict } = rule;
  const parts = [
    to !== undefined && `-d ${formatSubnet(to)}`,
    from !== undefined && `-i ${from}`,
    "-p tcp",
    fromPort !== undefined && `--sport ${formatPorts(fromPort, ":")}`,
    toPort !== undefined && `--dport ${toPort}`,
    established && "! --syn",
    user !== undefined && `-m owner --uid-owner ${user}`,
    group !== undefined && `-m owner --gid-owner ${group}`,
    local && "-m addrtype --dst-type LOCAL",
    rate !== undefined && `-m limit --limit ${rate}/second --limit-burst ${rate}`,
    typeof verdict === "string" ? `-j ${verdict.toUpperCase()}` : `-j REDIRECT --to-ports ${verdict.redirect}`,
  ];
  return parts.filter((part) => typeof part === "string").join(" ");
}
