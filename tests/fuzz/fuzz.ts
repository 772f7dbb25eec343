import { cpuUsage } from "node:process";
import { Random } from "../support/random/random.ts";
import type { Coverage } from "./coverage.ts";
import { Mutator } from "./mutate.ts";
import type { Target } from "./target.ts";

/** How long a parser may take for one input, in milliseconds of a processor. */
const LONGEST_TIME = 50;

/** How often an input that took longer is tried again. */
const TRIES = 3;

/** How much more memory may be held in the last quarter of the inputs than in the second, in bytes. */
const MAX_GROWTH = 32 * 1024 * 1024;

/** How many inputs are kept for the way they led further. */
const MAX_KEPT = 2000;

/** After how many inputs it is looked where they led. */
const BATCH = 200;

/** How to fuzz. */
export interface FuzzOptions {
  /** How many inputs. */
  readonly inputs: number;
  /** Decides all that happens. */
  readonly seed: number;
  /** Says which inputs lead further; without it only the seeds are changed. */
  readonly coverage?: Coverage;
}

/** What came of it. */
export interface Report {
  readonly name: string;
  readonly inputs: number;
  /** How many of the inputs the parser took. */
  readonly taken: number;
  /** How many of them led further, and were changed in turn. */
  readonly led: number;
  readonly seconds: number;
}

/** An input for which something did not hold. */
export class FuzzError extends Error {
  override name = "FuzzError";

  constructor(target: string, readonly input: Uint8Array, cause: unknown) {
    const text = JSON.stringify(new TextDecoder().decode(input.subarray(0, 1000)));
    super(`${target}: ${cause}\nwith ${input.length} bytes: ${input.subarray(0, 1000).toHex()}\n${text}`, { cause });
  }
}

/**
 * Gives a parser many inputs: its seeds as they are, and then mutations of them, and of those that led further.
 *
 * @throws {FuzzError} For the first input for which something does not hold, or that takes too long.
 * @throws {Error} When the parser holds more and more memory.
 */
export async function fuzz(target: Target, { inputs, seed, coverage }: FuzzOptions): Promise<Report> {
  const random = new Random(seed);
  const mutator = new Mutator(random, target.words, target.longest);
  const corpus = [...target.seeds];
  const held: number[] = [];
  const began = performance.now();
  let led = 0;
  let taken = corpus.filter((input) => give(target, input)).length;
  await coverage?.look();
  coverage?.learn();
  for (let done = corpus.length; done < inputs;) {
    const batch = Array.from({ length: Math.min(BATCH, inputs - done) }, () => mutator.mutate(corpus));
    for (const input of batch) if (give(target, input)) taken++;
    done += batch.length;
    if (coverage !== undefined && await coverage.look()) {
      const further = await leadingFurther(target, batch, coverage);
      led += further.length;
      corpus.push(...further);
    }
    while (corpus.length > MAX_KEPT) corpus.splice(random.below(corpus.length), 1);
    const { heapUsed, external } = Deno.memoryUsage();
    held.push(heapUsed + external);
  }
  checkGrowth(target.name, held);
  return { name: target.name, inputs, taken, led, seconds: (performance.now() - began) / 1000 };
}

/** Gives an input, in time. */
function give(target: Target, input: Uint8Array): boolean {
  try {
    const before = performance.now();
    const taken = target.take(input);
    if (performance.now() - before > LONGEST_TIME) checkTime(target, input);
    return taken;
  } catch (error) {
    throw new FuzzError(target.name, input, error);
  }
}

/** Takes an input again that took long: the machine may have had other things to do, or something had to be collected. */
function checkTime(target: Target, input: Uint8Array): void {
  const times = Array.from({ length: TRIES }, () => {
    const before = processorTime();
    target.take(input);
    return processorTime() - before;
  });
  const least = Math.min(...times);
  if (least > LONGEST_TIME) throw new Error(`it took ${Math.round(least)} ms`);
}

/** The time that this process has been running, in milliseconds. */
export function processorTime(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1000;
}

/** The inputs of a batch that led where none led before. */
async function leadingFurther(target: Target, batch: readonly Uint8Array[], coverage: Coverage): Promise<Uint8Array[]> {
  const found = await halved(target, batch, coverage);
  if (found.length > 0) return found;
  // Something else than an input led there: it is not to be looked for again.
  for (const input of batch) target.take(input);
  await coverage.look();
  coverage.learn();
  return [];
}

async function halved(target: Target, inputs: readonly Uint8Array[], coverage: Coverage): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  const middle = Math.ceil(inputs.length / 2);
  for (const half of [inputs.slice(0, middle), inputs.slice(middle)]) {
    await coverage.look();
    for (const input of half) target.take(input);
    if (!await coverage.look()) continue;
    if (half.length > 1) found.push(...await halved(target, half, coverage));
    else {
      coverage.learn();
      found.push(...half);
    }
  }
  return found;
}

/** @param held Bytes in use, as time went; how many wait for the collector differs from one moment to the next. */
function checkGrowth(name: string, held: readonly number[]): void {
  const quarter = Math.floor(held.length / 4);
  if (quarter < 8) return;
  const growth = Math.min(...held.slice(-quarter)) - Math.min(...held.slice(quarter, 2 * quarter));
  if (growth > MAX_GROWTH) throw new Error(`${name}: ${growth} bytes more are held after ${held.length} batches`);
}
