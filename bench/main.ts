/**
 * Measures MICSS, plain TCP and other tunnels, as the paper's section IV does, and writes the figures of
 * docs/BENCHMARKS.md: `main.ts [PART...] [--rounds N] [--seconds S] [--out FILE]`.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { run } from "../tests/support/programs/process.ts";
import { has } from "../tests/support/programs/programs.ts";
import type { Bench } from "./bench.ts";
import { describeMachine } from "./machine.ts";
import { equal } from "./parts/equal.ts";
import { loss } from "./parts/loss.ts";
import { peers } from "./parts/peers.ts";
import { table1 } from "./parts/table1.ts";
import { sizes, web } from "./parts/web.ts";
import { workers } from "./parts/workers.ts";
import { Results } from "./results.ts";
import { describe, tables } from "./tables.ts";

const PARTS: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  ...{ table1, equal, loss, web, sizes, peers, workers },
};

const args = parseArgs(Deno.args, {
  string: ["rounds", "seconds", "out"],
  default: { rounds: "3", seconds: "1", out: "docs/bench/results.json" },
});
const names = args._.length > 0 ? args._.map(String) : Object.keys(PARTS);
const rounds = Number(args.rounds), seconds = Number(args.seconds);
const unknown = names.filter((name) => !Object.hasOwn(PARTS, name));
if (unknown.length > 0) fail(`unknown part ${unknown.join(", ")}; write one of ${Object.keys(PARTS).join(", ")}`);
if (!(Number.isInteger(rounds) && rounds > 0)) fail("--rounds must be a whole number of at least 1");
if (!(seconds >= 0.1 && seconds <= 60)) fail("--seconds must be from 0.1 to 60");
if (!has("gcc")) fail("the load generator needs a C compiler; install gcc and libc6-dev");
if (Deno.uid() !== 0) {
  console.error("Not running as root: everything uses loopback, and channels are neither shaped nor lossy");
}

const began = performance.now();
const machine = await describeMachine();
const results = new Results();
const directory = args.out.replace(/\/?[^/]*$/, "") || ".";
await Deno.mkdir(directory, { recursive: true });
for (const name of names) {
  const progress = (text: string): void => {
    console.error(`${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${name}: ${text}`);
  };
  await PARTS[name]!({ rounds, seconds, results, progress });
  await write();
}
await drawCharts(args.out, directory);
await run([Deno.execPath(), "fmt", "-q", directory]);
console.log(tables(results.all()));
for (const failure of results.failures) console.log(`failed: ${failure}`);

/** Writes the results so far, so that an interrupted bench loses nothing. */
async function write(): Promise<void> {
  const { failures } = results, all = results.all();
  const settings = { rounds, seconds, parts: names };
  await Deno.writeTextFile(args.out, `${JSON.stringify({ machine, settings, failures, results: all })}\n`);
  await Deno.writeTextFile(`${directory}/RESULTS.md`, `${describe(machine, rounds, seconds)}\n${tables(all)}`);
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
