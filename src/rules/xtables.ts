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
import { MADE, XTABLES_PLACES } from "./xtables_places.ts";
import type { XtablesState } from "./xtables_state.ts";

/**
 * The input of `iptables-restore --noflush` or `ip6tables-restore --noflush` that puts `ruleset` in place of whatever our
 * chains hold: the kernel takes all of it, or nothing.
 *
 * @param state What is there.
 * @param missing What would come to be with our chains, and is then to go with them: "table", or names of its chains.
 * @returns Undefined when there is nothing to do.
 */
export function xtablesScript(
  ruleset: Ruleset,
  family: Family,
  state: XtablesState,
  missing: readonly string[] = [],
): string | undefined {
  const { table, chains } = XTABLES_PLACES[ruleset.side];
  const ours = ruleset.chains.map((chain) => ({ base: chain.hook.toUpperCase(), lines: chainLines(chain, family) }))
    .filter(({ lines }) => lines.length > 0);
  const wanted = new Set(ours.map(({ base }) => base));
  const makes = missing.filter((word) => word === "table" || wanted.has(word));
  const made = [...new Set([...state.made, ...makes])];
  const lines = ours.flatMap(({ base, lines }, at) => [
    `:${chains[base]} - [0:0]`,
    ...at === 0 && made.length > 0
      ? ["# Makes no difference to a packet, but to removing", madeRule(chains[base]!, made)]
      : [],
    ...lines.map((line) => line.startsWith("#") ? line : `-A ${chains[base]} ${line}`),
    ...jumpFirst(ruleset.side, state, base),
  ]);
  lines.push(...removal(ruleset.side, state, (base) => !wanted.has(base)));
  return lines.length === 0 ? undefined : transaction(table, lines);
}

/** Such an input that removes our chains, and nothing else; undefined when there are none. */
export function xtablesRemoval(side: Side, state: XtablesState): string | undefined {
  const lines = removal(side, state, () => true);
  return lines.length === 0 ? undefined : transaction(XTABLES_PLACES[side].table, lines);
}

/**
 * Such an input that puts back what there was.
 *
 * @param before What there was.
 * @param state What is there.
 */
export function xtablesRestoration(side: Side, before: XtablesState, state: XtablesState): string | undefined {
  const { table, chains } = XTABLES_PLACES[side];
  const lines = [...before.chains].flatMap(([name, rules]) => [`:${name} - [0:0]`, ...rules]);
  for (const base of before.jumps.keys()) lines.push(...jumpFirst(side, state, base));
  lines.push(...removal(side, state, (base) => !before.chains.has(chains[base]!)));
  return lines.length === 0 ? undefined : transaction(table, lines);
}

/** Has a chain jump to ours before all else, and once. */
function jumpFirst(side: Side, state: XtablesState, base: string): string[] {
  if (state.first.has(base) && state.jumps.get(base) === 1) return [];
  const jump = `-p tcp -j ${XTABLES_PLACES[side].chains[base]}`;
  return [...Array<string>(state.jumps.get(base) ?? 0).fill(`-D ${base} ${jump}`), `-I ${base} 1 ${jump}`];
}

function removal(side: Side, state: XtablesState, which: (base: string) => boolean): string[] {
  const { chains } = XTABLES_PLACES[side];
  return Object.entries(chains).filter(([base]) => which(base)).flatMap(([base, name]) => [
    ...Array<string>(state.jumps.get(base) ?? 0).fill(`-D ${base} -p tcp -j ${name}`),
    ...state.chains.has(name) ? [`-F ${name}`, `-X ${name}`] : [],
  ]);
}

function transaction(table: string, lines: readonly string[]): string {
  return [`*${table}`, ...lines, "COMMIT", ""].join("\n");
}

function madeRule(chain: string, made: readonly string[]): string {
  return `-A ${chain} -m comment --comment "${MADE}: ${made.join(" ")}"`;
}

/** The rules that are for `family`, and comments; nothing where only exemptions would be left. */
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
