/**
 * Measures MICSS, plain TCP and other tunnels, as the paper's section IV does, and writes the figures of
 * docs/BENCHMARKS.md: `main.ts [PART...] [--rounds N] [--seconds S] [--out FILE]`. The part `peers` can be narrowed down
 * to figures and systems, and extended by the micss of other worktrees: `main.ts peers [FIGURE...] [--only SYSTEM,...]
 * [--worktree NAME=DIRECTORY]... [--sessions N]`.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { run } from "../tests/support/programs/process.ts";
import { has } from "../tests/support/programs/programs.ts";
import type { Bench } from "./bench.ts";
import { FIGURES, selectFigures } from "./figures.ts";
import { goals } from "./goals.ts";
import { describeMachine } from "./machine.ts";
import { datagrams } from "./parts/datagrams.ts";
import { equal } from "./parts/equal.ts";
import { loss } from "./parts/loss.ts";
import { peers, type Selection } from "./parts/peers.ts";
import { table1 } from "./parts/table1.ts";
import { udp } from "./parts/udp.ts";
import { sizes, web } from "./parts/web.ts";
import { workers } from "./parts/workers.ts";
import { Results } from "./results.ts";
import { systems, worktreeName } from "./systems.ts";
import { describe, tables } from "./tables.ts";

const PARTS: Readonly<Record<string, (bench: Bench, selection: Selection) => Promise<void>>> = {
  ...{ table1, equal, loss, web, sizes, peers, workers, datagrams, udp },
};

const args = parseArgs(Deno.args, {
  string: ["rounds", "seconds", "out", "only", "worktree", "sessions"],
  collect: ["worktree"],
  default: { rounds: "3", seconds: "1", sessions: "5000" },
  unknown(arg, name) {
    if (name !== undefined) fail(`unknown flag ${arg}`);
  },
});
const words = args._.map(String);
const isPart = (word: string): boolean => Object.hasOwn(PARTS, word);
const figures = words.filter((word) => !isPart(word));
const only = args.only?.split(",");
const worktrees = new Map(args.worktree.map((text) => text.split(/=(.*)/).slice(0, 2) as [string, string]));
const isNarrowed = figures.length > 0 || only !== undefined;
const names = words.some(isPart) ? words.filter(isPart) : isNarrowed ? ["peers"] : Object.keys(PARTS);
const rounds = Number(args.rounds), seconds = Number(args.seconds), sessions = Number(args.sessions);
const unknown = figures.filter((word) => selectFigures([word]).length === 0);
if (unknown.length > 0) {
  const known = FIGURES.map(({ name }) => name).join(", ");
  fail(`no part or figure ${unknown.join(", ")}; write parts: ${Object.keys(PARTS).join(", ")}; or figures: ${known}`);
}
if (isNarrowed && !names.includes("peers")) fail("figures and --only are for the part peers");
if ([...worktrees].some(([name, directory]) => !name || !directory)) fail("--worktree must be NAME=DIRECTORY");
const known = await systems(worktrees).catch((error) => fail(`--worktree: ${error.message}`));
const missing = only?.filter((wanted) => !known.some(({ key }) => key === wanted)) ?? [];
if (missing.length > 0) {
  fail(`no system ${missing.join(", ")}; --only takes: ${known.map(({ key }) => key).join(", ")}`);
}
const chosen = known.filter(({ key }) => only?.includes(key) ?? true);
if (!(Number.isInteger(rounds) && rounds > 0)) fail("--rounds must be a whole number of at least 1");
if (!(seconds >= 0.1 && seconds <= 60)) fail("--seconds must be from 0.1 to 60");
if (!(Number.isInteger(sessions) && sessions > 0)) fail("--sessions must be a whole number of at least 1");
if (!has("gcc")) fail("the load generator needs a C compiler; install gcc and libc6-dev");
if (Deno.uid() !== 0) {
  console.error("Not running as root: everything uses loopback, and channels are neither shaped nor lossy");
}

const began = performance.now();
const machine = await describeMachine();
const results = new Results();
// A few figures don't replace the documented ones.
const out = args.out ?? (isNarrowed ? undefined : "docs/bench/results.json");
const directory = out?.replace(/\/?[^/]*$/, "") || ".";
if (out !== undefined) await Deno.mkdir(directory, { recursive: true });
for (const name of names) {
  const progress = (text: string): void => {
    console.error(`${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${name}: ${text}`);
  };
  await PARTS[name]!({ rounds, seconds, results, progress }, { systems: chosen, figures, sessions });
  if (out !== undefined) await write(out);
}
if (out !== undefined) {
  await drawCharts(out, directory);
  await run([Deno.execPath(), "fmt", "-q", directory]);
}
console.log(report());
for (const failure of results.failures) console.log(`failed: ${failure}`);

/** Writes the results so far, so that an interrupted bench loses nothing. */
async function write(out: string): Promise<void> {
  const { failures } = results, all = results.all();
  const settings = { rounds, seconds, parts: names };
  await Deno.writeTextFile(out, `${JSON.stringify({ machine, settings, failures, results: all })}\n`);
  await Deno.writeTextFile(`${directory}/RESULTS.md`, `${describe(machine, rounds, seconds)}\n${report()}`);
}

/** All tables, the goals last. */
function report(): string {
  const all = results.all(), [version] = worktrees.keys();
  if (!names.includes("peers")) return tables(all);
  return `${tables(all)}\n### goals\n\n${goals(all, version && worktreeName(version))}`;
}

/** Draws the charts in a separate process, since they have their own configuration and packages. */
async function drawCharts(from: string, to: string): Promise<void> {
  const charts = new URL("charts/", import.meta.url).pathname;
  const flags = ["run", "-q", "--allow-read", "--allow-write", "--allow-env", "--config", `${charts}deno.json`];
  try {
    console.log((await run([Deno.execPath(), ...flags, `${charts}main.ts`, from, to])).text().trim());
  } catch (error) {
    console.error(`no charts: ${error instanceof Error ? error.message : error}`);
  }
}

function fail(message: string): never {
  console.error(`bench: ${message}`);
  Deno.exit(2);
}
