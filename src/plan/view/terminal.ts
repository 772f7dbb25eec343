import type { Plan } from "../plan.ts";
import { type Point, pointsOf } from "./points.ts";
import { logScale, type Scale } from "./scale.ts";
import { megabits, percent } from "./units.ts";

/** Size of the plot's inside, in characters. */
const WIDTH = 60, HEIGHT = 14;

/** Draws risk against rate, a letter for each choice. Letters that coincide stand side by side. */
export function terminalPlot(plan: Plan): string {
  const { sets, later } = pointsOf(plan);
  const points = [...sets, ...later];
  const x = logScale(points.map(({ choice }) => choice.rate)), y = logScale(points.map(({ choice }) => choice.risk));
  const rows = Array.from({ length: HEIGHT }, () => Array<string>(WIDTH).fill(" "));
  for (const point of points) place(rows[rowOf(y, point.choice.risk)]!, columnOf(x, point.choice.rate), point);
  const labels = new Map(y.ticks.map((tick) => [rowOf(y, tick), percent(tick)]));
  const width = Math.max(...[...labels.values(), "risk"].map(({ length }) => length));
  const margin = " ".repeat(width);
  return [
    `${"risk".padStart(width)}`,
    ...rows.map((row, at) =>
      `${(labels.get(at) ?? "").padStart(width)} ${labels.has(at) ? "┤" : "│"}${row.join("")}`.trimEnd()
    ),
    `${margin} └${axis(x)}`,
    `${margin}  ${tickLabels(x)}`,
    `${margin}  ${"rate, Mbit/s".padStart(WIDTH)}`,
  ].map((line) => `${line}\n`).join("");
}

function columnOf(scale: Scale, value: number): number {
  return Math.round(scale.at(value) * (WIDTH - 1));
}

function rowOf(scale: Scale, value: number): number {
  return Math.round((1 - scale.at(value)) * (HEIGHT - 1));
}

/** Writes a letter at a column, or at the nearest free one. */
function place(row: string[], column: number, { letter }: Point): void {
  const columns = [...row.keys()].toSorted((one, other) => Math.abs(one - column) - Math.abs(other - column));
  const free = columns.find((at) => row[at] === " ");
  if (free !== undefined) row[free] = letter;
}

function axis(scale: Scale): string {
  const marked = new Set(scale.ticks.map((tick) => columnOf(scale, tick)));
  return Array.from({ length: WIDTH }, (_, at) => marked.has(at) ? "┬" : "─").join("");
}

function tickLabels(scale: Scale): string {
  let line = "";
  for (const tick of scale.ticks) {
    const label = megabits(tick), start = columnOf(scale, tick) - Math.floor(label.length / 2);
    if (start >= line.length + (line === "" ? 0 : 1)) line = line.padEnd(start) + label;
  }
  return line;
}
