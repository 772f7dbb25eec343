import type { Side } from "./ruleset.ts";
import { MADE, XTABLES_PLACES } from "./xtables.ts";

/** What `iptables-save` shows of us in one table, and of the table. */
export interface XtablesState {
  /** Whether the table is there. */
  readonly table: boolean;
  /** Our chains that are there, and their rules as `iptables-save` writes them. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** The chains that jump to ours, and how often: once, but for an accident. */
  readonly jumps: ReadonlyMap<string, number>;
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
  for (const [base, name] of Object.entries(places)) {
    const { length } = lines.filter((line) => line === `-A ${base} -p tcp -j ${name}`);
    if (length > 0) jumps.set(base, length);
  }
  const ours = [...chains.values()].flat();
  const made = ours.map((rule) => new RegExp(`--comment "${MADE}: ([^"]+)"`).exec(rule)?.[1]);
  return {
    table: section !== undefined,
    chains,
    jumps,
    made: made.find((words) => words !== undefined)?.split(" ") ?? [],
  };
}

/** Whether anything of ours is there. */
export function isPresent({ chains, jumps }: XtablesState): boolean {
  return chains.size + jumps.size > 0;
}

function rulesOf(lines: readonly string[], chain: string): string[] {
  return lines.filter((line) => line.startsWith(`-A ${chain} `));
}
