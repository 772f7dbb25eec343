/**
 * Draws the charts of docs/BENCHMARKS.md: `main.ts RESULTS DIRECTORY`.
 *
 * @module
 */

import { parse, View } from "vega";
import { compile, type Config } from "vega-lite";
import type { Result } from "../results.ts";
import { CHARTS, flat } from "./charts.ts";

const TEXT = "#7d8590", LINES = "#7d859055";

/** A transparent background and middle tones, legible on light and dark pages. */
const CONFIG: Config = {
  background: "transparent",
  font: "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif",
  view: { stroke: null },
  axis: {
    labelColor: TEXT,
    titleColor: TEXT,
    titleFontWeight: "normal",
    titlePadding: 8,
    gridColor: LINES,
    gridWidth: 0.6,
    domainColor: LINES,
    tickColor: LINES,
    labelFontSize: 11,
    titleFontSize: 12,
  },
  legend: {
    labelColor: TEXT,
    labelFontSize: 12,
    symbolOpacity: 1,
    labelLimit: 300,
  },
  header: {
    labelColor: TEXT,
    titleColor: TEXT,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: "normal",
  },
  text: { color: TEXT },
};

const [from = "docs/bench/results.json", to = "docs/bench"] = Deno.args;
const { results }: { results: Result[] } = JSON.parse(
  await Deno.readTextFile(from),
);
for (const { name, part, draw } of CHARTS) {
  const values = results.filter((result) => result.part === part).map(flat);
  if (values.length === 0) continue;
  const { spec } = compile({ ...draw(values), padding: 8 }, { config: CONFIG });
  const view = new View(parse(spec), { renderer: "none" });
  await Deno.writeTextFile(`${to}/${name}.svg`, `${await view.toSVG()}\n`);
  console.log(`${to}/${name}.svg`);
}
