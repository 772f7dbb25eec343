/**
 * The tasks `load` and `soak`: put load on pairs of handlers, and fail when something is left behind afterwards.
 *
 * ```text
 * deno task load [--scale FACTOR] [idle] [killed] [short] [memory] [uneven]     the parts named, or all; by a factor
 * deno task soak [--minutes N]                                everything in turns; 10 minutes unless given
 * ```
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { memory, uneven } from "./memory.ts";
import { idle, killed, short, type Sizes, soak, type Tell } from "./parts.ts";

const tolerance = { memory: 1.1, throughput: 0.7, probe: 16 };

const PARTS: Record<string, (sizes: Sizes, tell: Tell) => Promise<void>> = { idle, killed, short, memory, uneven };

const tell: Tell = (line) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);

/** The parts at their full size, or smaller. */
function sizes(scale: number): Sizes {
  const [idle, busy, short] = [5000, 200, 100_000].map((size) => Math.ceil(size * scale)) as [number, number, number];
  return { idle, busy, short, rounds: 200, hold: 30, tolerance };
}

/** What a flag says. @throws {Error} When that is no number above 0. */
function positive(flag: string, text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new Error(`${flag} ${text}: no number above 0`);
  return number;
}

if (import.meta.main) {
  const [command, ...args] = Deno.args.filter((arg) => arg !== "--");
  const { _: names, scale, minutes } = parseArgs(args, {
    string: ["scale", "minutes"],
    default: { scale: "1", minutes: "10" },
    unknown(arg, name) {
      if (name !== undefined) throw new Error(`no flag ${arg}`);
    },
  });
  if (command === "soak") {
    await soak(positive("--minutes", minutes), { ...sizes(0.1), short: 5000, hold: 10 }, tell);
  } else {
    for (const name of names.length > 0 ? names : Object.keys(PARTS)) {
      const part = PARTS[name];
      if (part === undefined) throw new Error(`no part ${name}; there are ${Object.keys(PARTS).join(", ")}`);
      tell(`${name}:`);
      await part(sizes(positive("--scale", scale)), tell);
    }
  }
}
