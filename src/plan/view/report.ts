import { type Align, columns } from "../../text/format.ts";
import type { Channel } from "../channel.ts";
import { type Choice, type Plan, rateFactor } from "../plan.ts";
import type { Wish } from "../wish.ts";
import { type Point, pointsOf } from "./points.ts";
import { terminalPlot } from "./terminal.ts";
import { megabits, milliseconds, percent } from "./units.ts";

/** Formats a plan for a terminal: the channels, what each choice gives, a picture, and the setting to choose. */
export function report(plan: Plan): string {
  const { sets, later, hidden } = pointsOf(plan);
  return [
    `${plan.server}: ${plan.channels.length} channels`,
    "",
    ...channelTable(plan.channels),
    "",
    "With this version: a share of every record on each channel of a set, any k of m needed (k < m: threshold).",
    ...plan.shares === "short"
      ? ["Where all are needed they are short: m shares of a large record are as long as it."]
      : [],
    "",
    ...choiceTable(sets),
    "",
    "With mixtures of sets or k = 1, which this version does not have: any k of m shares are needed, at the best rate",
    "that m channels for each record allow.",
    "",
    ...choiceTable(later),
    "",
    "* No other of its table is as good in everything and better in something.",
    ...hidden === 0 ? [] : [`${hidden} more are not shown; --json has them.`],
    "",
    terminalPlot(plan),
    ...advice(plan),
  ].join("\n") + "\n";
}

function channelTable(channels: readonly Channel[]): string[] {
  const rows = channels.map(({ address, risk, loss, delay, rate, measured = [], roundTrips }, at) => {
    const trips = measured.includes("loss") ? ` (loss: ${roundTrips} round trips)` : "";
    const how = measured.length === 0 ? "" : `${measured.join(", ")}${trips}`;
    return [`${at + 1}`, address, percent(risk), megabits(rate), percent(loss), milliseconds(delay), how];
  });
  const head = ["channel", "address", "risk", "rate, Mbit/s", "loss", "delay, ms", "measured"];
  return columns([head, ...rows], ["left", "left", "right", "right", "right", "right", "left"]);
}

function choiceTable(points: readonly Point[]): string[] {
  const rows = points.map(({ letter, choice, chosen }) => [
    `${letter}${choice.frontier ? " *" : ""}`,
    `${choice.k}`,
    `${choice.m}`,
    percent(choice.risk),
    megabits(choice.rate),
    percent(choice.loss),
    milliseconds(choice.delay),
    `${setsText(choice)}${chosen ? "   <- choose this" : ""}`,
  ]);
  const align: Align[] = ["left", ...Array<Align>(6).fill("right"), "left"];
  return columns([["", "k", "m", "risk", "rate, Mbit/s", "loss", "delay, ms", "channels"], ...rows], align);
}

/** The sets of a choice, the most used first: "1 2" or "75 % 1 2, 25 % 1 3". */
function setsText({ schedule }: Choice): string {
  if (schedule.length === 1) return numbers(schedule[0]!.channels);
  return schedule.map(({ p, channels }) => `${percent(p)} ${numbers(channels)}`).join(", ");
}

function numbers(channels: readonly number[]): string {
  return channels.map((at) => at + 1).join(" ");
}

/** The wish in words: "At most 1 % risk, as fast as possible". */
export function wishText({ risk, loss, delay, rate }: Wish): string {
  const bounds = [
    `at most ${percent(risk)} risk`,
    loss === undefined ? [] : `${percent(loss)} loss`,
    delay === undefined ? [] : `${milliseconds(delay)} ms delay`,
    rate === undefined ? [] : `at least ${megabits(rate)} Mbit/s`,
  ].flat().join(", ");
  return `${bounds[0]!.toUpperCase()}${bounds.slice(1)}, as fast as possible`;
}

function advice({ server, channels, wish, shares, choice, sets, thresholdChoice }: Plan): string[] {
  const wanted = wishText(wish);
  const later = thresholdChoice === null || thresholdChoice.rate <= (choice?.rate ?? 0) * 1.001 ? [] : [
    "",
    `With mixtures it could be ${thresholdChoice.k} of ${thresholdChoice.m} shares, at ` +
    `${megabits(thresholdChoice.rate)} Mbit/s (${describe(thresholdChoice)}).`,
  ];
  if (choice === null) {
    const safest = sets[0]!;
    return [
      `${wanted}: no set of channels is within that. The least risk is ${percent(safest.risk)}, with channels ` +
      `${setsText(safest)}, at ${megabits(safest.rate)} Mbit/s.`,
      ...later,
    ];
  }
  const addresses = choice.schedule[0]!.channels.map((at) => channels[at]!.address);
  const threshold = choice.k < choice.m ? choice.k : null;
  const isShort = threshold === null && shares === "short";
  const flags = `--server ${quoted(`${server}=${addresses.join(",")}`)}${isShort ? " --shares short" : ""}`;
  return [
    `${wanted}: ${threshold === null ? "" : `${threshold} of the `}channels ${setsText(choice)}, at ` +
    `${megabits(choice.rate)} Mbit/s (${describe(choice)}).`,
    "In the client's file:",
    "",
    "servers:",
    `  ${server}:`,
    `    channels: [${addresses.map(yaml).join(", ")}]`,
    ...threshold === null ? [] : [`    threshold: ${threshold}`],
    ...isShort ? ["    shares: short"] : [],
    "",
    ...threshold === null
      ? [`or as ${isShort ? "flags" : "a flag"}: ${flags}`, "The server's configuration stays as it is."]
      : [`or as flags: ${flags} --threshold ${threshold}`, `In the server's file: threshold: ${threshold}`],
    ...threshold === null && !isShort ? [shortAdvice(choice)] : [],
    ...later,
  ];
}

/** Rate with short shares of a choice that needs all shares, in words. */
function shortAdvice({ k, m, rate }: Choice): string {
  const faster = megabits(rate * rateFactor(k, m, "short"));
  return `Short shares, with which secrecy rests on ChaCha20, too, carry up to ${faster} Mbit/s there: --shares short.`;
}

function describe({ risk, loss, delay }: Choice): string {
  return `risk ${percent(risk)}, loss ${percent(loss)}, delay ${milliseconds(delay)} ms`;
}

/** An address in a YAML list, where brackets need quotes. */
function yaml(address: string): string {
  return /^[[*]/.test(address) ? JSON.stringify(address) : address;
}

/** A word of a shell, in quotes if it needs them. */
function quoted(word: string): string {
  return /[^\w.,:=@%-]/.test(word) ? `'${word}'` : word;
}
