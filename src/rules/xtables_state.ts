import { CREATED, XTABLES_CHAINS, type XtablesTable } from "./xtables_chains.ts";

/** One table and our chains in it, as listed by `iptables-save`. */
export interface XtablesState {
  /** True if the table exists. */
  readonly table: boolean;
  /** Our chains and their rules, in the notation of `iptables-save`. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Chains that jump to ours, with the number of jumps, which is normally 1. */
  readonly jumps: ReadonlyMap<string, number>;
  /** Those whose first rule is that jump, as it must be to take precedence. */
  readonly first: ReadonlySet<string>;
  /** The table and chains created along with ours. */
  readonly created: readonly string[];
}

/** Parses the output of `iptables-save` or `ip6tables-save`. */
export function readXtables(table: XtablesTable, saved: string): XtablesState {
  const { protocol, chains: names } = XTABLES_CHAINS[table];
  const section = new RegExp(`^\\*${table}\\n(.*?)^COMMIT$`, "ms").exec(saved)?.[1];
  const lines = section?.split("\n") ?? [];
  const chains = new Map<string, string[]>();
  for (const name of Object.values(names)) {
    if (lines.some((line) => line.startsWith(`:${name} `))) chains.set(name, rulesOf(lines, name));
  }
  const jumps = new Map<string, number>();
  const first = new Set<string>();
  for (const [base, name] of Object.entries(names)) {
    const jump = `-A ${base} -p ${protocol} -j ${name}`;
    const rules = rulesOf(lines, base);
    const { length } = rules.filter((rule) => rule === jump);
    if (length > 0) jumps.set(base, length);
    if (rules[0] === jump) first.add(base);
  }
  const ours = [...chains.values()].flat();
  const records = ours.map((rule) => new RegExp(`--comment "${CREATED}: ([^"]+)"`).exec(rule)?.[1]);
  return {
    table: section !== undefined,
    chains,
    jumps,
    first,
    created: records.find((words) => words !== undefined)?.split(" ") ?? [],
  };
}

/** True if any chain of ours, or a jump to one, exists. */
export function isPresent({ chains, jumps }: XtablesState): boolean {
  return chains.size + jumps.size > 0;
}

/** Formats a state for comparison: equal for equal rules in equal places, whatever was created along with them. */
export function formatXtables({ chains, jumps, first }: XtablesState): string {
  const rules = [...chains.values()].flat().filter((rule) => !rule.includes(`--comment "${CREATED}: `));
  const positions = [...jumps].map(([base, count]) => `${base} ${count} ${first.has(base) ? "first" : "later"}`);
  return [...positions, ...rules].join("\n");
}

function rulesOf(lines: readonly string[], chain: string): string[] {
  return lines.filter((line) => line.startsWith(`-A ${chain} `));
}
