/**
 * The tasks `load` and `soak`: put load on pairs of handlers, and fail if they leave anything behind.
 *
 * ```text
 * deno task load [--scale FACTOR] [idle] [killed] [short] [memory] [uneven] [datagrams]     the named parts, or all, scaled
 * deno task soak [--minutes N]                                all in turns, for 10 minutes by default
 * ```
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { datagrams } from "./datagrams.ts";
import { memory, uneven } from "./memory.ts";
import { idle, killed, short, type Sizes, soak, type Tell } from "./parts.ts";

const tolerance = { memory: 1.1, throughput: 0.7, probe: 16 };

const PARTS: Record<string, (sizes: Sizes, tell: Tell) => Promise<void>> = {
  idle,
  killed,
  short,
  memory,
  uneven,
  datagrams,
};

const tell: Tell = (line) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);

/** The parts' sizes, scaled. */
function sizes(scale: number): Sizes {
  const scaled = (size: number) => Math.ceil(size * scale);
  const [idle, flows, busy, short] = [scaled(5000), scaled(10_000), scaled(200), scaled(100_000)];
  return { idle, flows, busy, short, alone: short, rounds: 200, hold: 30, tolerance };
}

/** Parses a flag's value. @throws {Error} If it is not a positive number. */
function positive(flag: string, text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new Error(`${flag} must be a number above 0, not ${text}`);
  return number;
}

if (import.meta.main) {
  const [command, ...args] = Deno.args.filter((arg) => arg !== "--");
  const { _: names, scale, minutes } = parseArgs(args, {
    string: ["scale", "minutes"],
    default: { scale: "1", minutes: "10" },
    unknown(arg, name) {
      if (name !== undefined) throw new Error(`unknown flag ${arg}; write --scale or --minutes`);
    },
  });
  if (command === "soak") {
    await soak(positive("--minutes", minutes), { ...sizes(0.1), short: 5000, hold: 10 }, tell);
  } else {
    for (const name of names.length > 0 ? names : Object.keys(PARTS)) {
      const part = PARTS[name];
      if (part === undefined) throw new Error(`unknown part ${name}; write one of ${Object.keys(PARTS).join(", ")}`);
      tell(`${name}:`);
      await part(sizes(positive("--scale", scale)), tell);
    }
  }
}
