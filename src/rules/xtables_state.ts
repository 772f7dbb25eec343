import type { Side } from "./ruleset.ts";
import { MADE, XTABLES_PLACES } from "./xtables_places.ts";

/** What `iptables-save` shows of us in one table, and of the table. */
export interface XtablesState {
  /** Whether the table is there. */
  readonly table: boolean;
  /** Our chains that are there, and their rules as `iptables-save` writes them. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** The chains that jump to ours, and how often: once, but for an accident. */
  readonly jumps: ReadonlyMap<string, number>;
  /** Those of them whose first rule it is: of two that take a connection, the first one decides. */
  readonly first: ReadonlySet<string>;
  /** What came to be with our chains, and is to go with them. */
  readonly made: readonly string[];
}

/** Reads what `iptables-save` or `ip6tables-save` printed. */
export function readXtables(side: Side, saved: string): XtablesState {
  const { table, chains: places } = XTABLES_PLACES[side];
  const section = new RegExp(`^\\*${table}\\n(.*?)^COMMIT$`, "ms").exec(saved)?.[1];
  const lines = section?.split("\n") ?? [];
  const chains = new Map<string, string[]>();
  for (const name of Object.values(places)) {
    if (lines.some((line) => line.startsWith(`:${name} `))) chains.set(name, rulesOf(lines, name));
  }
  const jumps = new Map<string, number>();
  const first = new Set<string>();
  for (const [base, name] of Object.entries(places)) {
    const jump = `-A ${base} -p tcp -j ${name}`;
    const rules = rulesOf(lines, base);
    const { length } = rules.filter((rule) => rule === jump);
    if (length > 0) jumps.set(base, length);
    if (rules[0] === jump) first.add(base);
  }
  const ours = [...chains.values()].flat();
  const made = ours.map((rule) => new RegExp(`--comment "${MADE}: ([^"]+)"`).exec(rule)?.[1]);
  return {
    table: section !== undefined,
    chains,
    jumps,
    first,
    made: made.find((words) => words !== undefined)?.split(" ") ?? [],
  };
}

/** Whether anything of ours is there. */
export function isPresent({ chains, jumps }: XtablesState): boolean {
  return chains.size + jumps.size > 0;
}

/** What is there, in words: the same for the same rules in the same places, whatever came to be with them. */
export function formatXtables({ chains, jumps, first }: XtablesState): string {
  const rules = [...chains.values()].flat().filter((rule) => !rule.includes(`--comment "${MADE}: `));
  const places = [...jumps].map(([base, count]) => `${base} ${count} ${first.has(base) ? "first" : "later"}`);
  return [...places, ...rules].join("\n");
}

function rulesOf(lines: readonly string[], chain: string): string[] {
  return lines.filter((line) => line.startsWith(`-A ${chain} `));
}
