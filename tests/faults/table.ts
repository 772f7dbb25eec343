/**
 * Writes the table of faults in docs/guide/troubleshooting.md from the tests' matrix:
 * `deno run tests/faults/table.ts`.
 *
 * @module
 */
import { type Row, ROWS } from "./matrix.ts";
import { PHASES } from "./phases.ts";

/** The table's first line. */
export const HEADER: readonly string[] = ["fault", "when", "the application sees", "the log says", "within"];

/** The other lines: a fault's rows with equal outcomes are merged, and the fault is named once. */
export function lines(): string[][] {
  const groups = Map.groupBy(ROWS, (row) => [row.fault, row.seen, log(row), within(row)].join("|"));
  return [...groups.values()].map((rows, at, all) => {
    const [row] = rows as [Row];
    const known = all[at - 1]?.[0]?.fault === row.fault;
    return [known ? "" : row.fault, when(rows), row.seen, log(row), within(row)];
  });
}

function when(rows: readonly Row[]): string {
  const phases = PHASES.filter((phase) => rows.some((row) => row.phases.includes(phase)));
  return phases.length === PHASES.length ? "at any time" : phases.join(", ");
}

function log({ said }: Row): string {
  if (said === null) return "nothing";
  const reason = said.told ?? String(said.reason);
  return `${said.by}: \`${said.event}\`, \`${
    reason.replaceAll(/\(192\.[^)]*\)/g, "(…)").replace(/^192\.\S*(?=:)/, "…")
  }\``;
}

function within({ within, withinTold }: Row): string {
  return withinTold ?? (within === 0 ? "at once" : `${within / 1000} s`);
}

if (import.meta.main) {
  for (const cells of [HEADER, HEADER.map(() => "---"), ...lines()]) console.log(`| ${cells.join(" | ")} |`);
}
