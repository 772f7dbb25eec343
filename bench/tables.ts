import type { Machine } from "./machine.ts";
import type { Result } from "./results.ts";

/** Describes the machine in Markdown, and how to read the tables. */
export function describe(machine: Machine, rounds: number, seconds: number): string {
  const { cpu, scheduling, load, kernel, congestion, deno, commit, date } = machine;
  return `# Results

Made by \`deno task bench\` on ${date} UTC: ${cpu}, ${kernel}, TCP with ${congestion}, Deno ${deno},
commit ${commit}. The bench's processes got the
processor ${scheduling}; the load before it was ${
    load.toFixed(1)
  }. ${rounds} rounds, ${seconds} s a measurement at least.
Medians, in brackets the least and the most of the rounds.
`;
}

/**
 * Formats results as Markdown tables, one per part: a row for each system and setting, a column for each metric, in each
 * cell the median followed by the range over the rounds.
 */
export function tables(results: readonly Result[]): string {
  const parts = Map.groupBy(results, ({ part }) => part);
  return [...parts].map(([part, results]) => `### ${part}\n\n${table(results)}`).join("\n");
}

/** Formats the results of one part as a Markdown table. */
export function table(results: readonly Result[]): string {
  const settings = [...new Set(results.flatMap(({ setting }) => Object.keys(setting)))];
  const metrics = [...new Set(results.map(({ metric, unit }) => `${metric}, ${unit}`))];
  const rows = Map.groupBy(results, ({ system, setting }) => JSON.stringify([setting, system]));
  const body = [...rows.values()].map((results) => {
    const [{ system, setting }] = results as [Result, ...Result[]];
    const cells = metrics.map((metric) => {
      const result = results.find(({ metric: name, unit }) => `${name}, ${unit}` === metric);
      return result === undefined ? "" : cell(result);
    });
    return [system, ...settings.map((name) => String(setting[name] ?? "")), ...cells];
  });
  const head = ["", ...settings, ...metrics];
  const rule = head.map((_, at) => at === 0 ? "---" : "--:");
  return [head, rule, ...body].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

function cell({ median, least, most, samples }: Result): string {
  return samples.length === 1 ? number(median) : `${number(median)} (${number(least)} to ${number(most)})`;
}

/** Formats a number with three significant digits. */
export function number(value: number): string {
  if (value >= 1000) return Number(value.toPrecision(3)).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}
