import type { Result } from "./results.ts";

/**
 * Sets results as Markdown tables, one a part: a row for each system and setting, a column for each metric, each cell
 * the median and, behind it, the least and the most of the rounds.
 */
export function tables(results: readonly Result[]): string {
  const parts = Map.groupBy(results, ({ part }) => part);
  return [...parts].map(([part, results]) => `### ${part}\n\n${table(results)}`).join("\n");
}

/** Sets the results of one part as a Markdown table. */
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

/** Three digits that count. */
export function number(value: number): string {
  if (value >= 1000) return Number(value.toPrecision(3)).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}
