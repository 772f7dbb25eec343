import type { Properties } from "../channel.ts";
import type { Plan } from "../plan.ts";
import { type Point, pointsOf } from "./points.ts";
import { wishText } from "./report.ts";
import { logScale, type Scale } from "./scale.ts";
import { megabits, milliseconds, percent } from "./units.ts";

/** Size of a panel's inside, and of the space around it, in pixels. */
const WIDTH = 240, HEIGHT = 220, LEFT = 64, GAP = 24, TOP = 64, BOTTOM = 84;

const TEXT = "#7d8590", NOW = "#d9622b", LATER = "#3b82c4";

/** The property that a panel shows against the risk. */
interface Panel {
  readonly title: string;
  readonly property: keyof Properties;
  readonly format: (value: number) => string;
}

const PANELS: readonly Panel[] = [
  { title: "rate, Mbit/s", property: "rate", format: megabits },
  { title: "loss", property: "loss", format: percent },
  { title: "delay, ms", property: "delay", format: milliseconds },
];

/** Draws a plan as an SVG image: the risk of each choice against its rate, its loss and its delay, legible on any page. */
export function svg(plan: Plan): string {
  const { sets, later } = pointsOf(plan);
  // Choices that can be run today are drawn on top.
  const points = [...later, ...sets];
  const y = logScale(points.map(({ choice }) => choice.risk)), shares = plan.shares === "short" ? ", short shares" : "";
  const width = LEFT + PANELS.length * (WIDTH + GAP), height = TOP + HEIGHT + BOTTOM;
  const panels = PANELS.map((panel, at) =>
    `<g transform="translate(${LEFT + at * (WIDTH + GAP)} ${TOP})">
${frame(panel, points, y, at === 0)}
</g>`
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" \
font-family="system-ui, sans-serif" font-size="11" fill="${TEXT}">
<title>${escape(`${plan.server}: risk, rate, loss and delay of each choice of channels and threshold`)}</title>
${text(LEFT, 18, `${plan.server}${shares}: ${wishText(plan.wish).toLowerCase()}`, "start", 13)}
${text(LEFT, 38, "risk")}
${panels.join("\n")}
${legend(height - 20)}
</svg>
`;
}

/** One panel: its grid, its axes, its points. */
function frame({ title, property, format }: Panel, points: readonly Point[], y: Scale, first: boolean): string {
  const x = logScale(points.map(({ choice }) => choice[property]));
  const across = (value: number): number => round(x.at(value) * WIDTH);
  const down = (value: number): number => round((1 - y.at(value)) * HEIGHT);
  return [
    ...y.ticks.map((tick) => line(0, down(tick), WIDTH, down(tick))),
    ...x.ticks.map((tick) => line(across(tick), 0, across(tick), HEIGHT)),
    ...first ? y.ticks.map((tick) => text(-8, down(tick) + 4, percent(tick), "end")) : [],
    ...x.ticks.map((tick) => text(across(tick), HEIGHT + 16, format(tick), "middle")),
    text(WIDTH / 2, HEIGHT + 36, title, "middle", 12),
    ...points.map((point) => dot(point, across(point.choice[property]), down(point.choice.risk))),
  ].join("\n");
}

/** A choice: filled if it is on the frontier, ringed if it is the one to choose. */
function dot({ letter, choice, chosen }: Point, x: number, y: number): string {
  const colour = letter < "a" ? NOW : LATER;
  const fill = choice.frontier ? colour : "none";
  const ring = chosen ? `<circle cx="${x}" cy="${y}" r="9" fill="none" stroke="${colour}" stroke-width="2"/>` : "";
  return `<g><title>${escape(describe(letter, choice))}</title>\
<circle cx="${x}" cy="${y}" r="5" fill="${fill}" stroke="${colour}" stroke-width="1.5"/>${ring}\
${text(round(x + 8), round(y - 7), letter)}</g>`;
}

function describe(letter: string, { k, m, risk, rate, loss, delay }: Point["choice"]): string {
  return `${letter}: ${k} of ${m}, risk ${percent(risk)}, ${megabits(rate)} Mbit/s, loss ${percent(loss)}, ` +
    `delay ${milliseconds(delay)} ms`;
}

function legend(y: number): string {
  const entries = [
    [NOW, NOW, "A, B: sets of channels, with this version"],
    [LATER, LATER, "a, b: k of m, with mixtures of sets"],
    ["none", TEXT, "hollow: another is better"],
  ] as const;
  return entries.map(([fill, stroke, label], at) => {
    const x = LEFT + at * 270;
    return `<circle cx="${x + 5}" cy="${y - 4}" r="5" fill="${fill}" stroke="${stroke}" stroke-width="1.5"/>` +
      text(x + 16, y, label);
  }).join("\n");
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<path d="M${x1} ${y1}L${x2} ${y2}" stroke="${TEXT}" stroke-opacity="0.33" stroke-width="0.6"/>`;
}

function text(x: number, y: number, words: string, anchor: "start" | "middle" | "end" = "start", size = 11): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" font-size="${size}">${escape(words)}</text>`;
}

function escape(words: string): string {
  return words.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
