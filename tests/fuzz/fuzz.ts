import { cpuUsage } from "node:process";
import { Random } from "../support/random/random.ts";
import type { Coverage } from "./coverage.ts";
import { Mutator } from "./mutate.ts";
import type { Target } from "./target.ts";

/** Maximum time for one input, in milliseconds of processor time. */
const LONGEST_TIME = 50;

/** Number of times that a slow input is repeated. */
const TRIES = 3;

/** Maximum growth of memory between the second and the last quarter of the inputs, in bytes. */
const MAX_GROWTH = 32 * 1024 * 1024;

/** Maximum number of inputs kept because they reached new code. */
const MAX_KEPT = 2000;

/** Number of inputs between two looks at the coverage. */
const BATCH = 200;

/** Options of a run. */
export interface FuzzOptions {
  /** Number of inputs. */
  readonly inputs: number;
  /** Seed; determines the whole run. */
  readonly seed: number;
  /** Finds inputs that reach new code; without it, only the seeds are mutated. */
  readonly coverage?: Coverage;
}

/** Outcome of a run. */
export interface Report {
  readonly name: string;
  readonly inputs: number;
  /** Number of inputs that the parser accepted. */
  readonly taken: number;
  /** Number of inputs that reached new code, and were mutated in turn. */
  readonly led: number;
  readonly seconds: number;
}

/** An input that violates a property. */
export class FuzzError extends Error {
  override name = "FuzzError";

  constructor(target: string, readonly input: Uint8Array, cause: unknown) {
    const text = JSON.stringify(new TextDecoder().decode(input.subarray(0, 1000)));
    super(`${target}: ${cause}\nwith ${input.length} bytes: ${input.subarray(0, 1000).toHex()}\n${text}`, { cause });
  }
}

/**
 * Feeds a parser its seeds, then mutations of them and of inputs that reached new code.
 *
 * @throws {FuzzError} For the first input that violates a property or takes too long.
 * @throws {Error} If the parser holds more and more memory.
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

/** Feeds one input, and checks its time. */
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

/** Repeats a slow input: the machine may have been busy, or the garbage collector may have run. */
function checkTime(target: Target, input: Uint8Array): void {
  const times = Array.from({ length: TRIES }, () => {
    const before = processorTime();
    target.take(input);
    return processorTime() - before;
  });
  const least = Math.min(...times);
  if (least > LONGEST_TIME) throw new Error(`it took ${Math.round(least)} ms`);
}

/** This process's processor time so far, in milliseconds. */
export function processorTime(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1000;
}

/** The inputs of a batch that reached new code. */
async function leadingFurther(target: Target, batch: readonly Uint8Array[], coverage: Coverage): Promise<Uint8Array[]> {
  const found = await halved(target, batch, coverage);
  if (found.length > 0) return found;
  // If the batch reaches nothing new again, something other than an input did.
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

/** @param held Bytes in use over time, which includes garbage and thus fluctuates. */
function checkGrowth(name: string, held: readonly number[]): void {
  const quarter = Math.floor(held.length / 4);
  if (quarter < 8) return;
  const growth = Math.min(...held.slice(-quarter)) - Math.min(...held.slice(quarter, 2 * quarter));
  if (growth > MAX_GROWTH) throw new Error(`${name}: ${growth} bytes more are held after ${held.length} batches`);
}
