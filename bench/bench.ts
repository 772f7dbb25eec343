import { cpuSeconds, descendants } from "./cpu.ts";
import type { Results, Setting } from "./results.ts";
import type { Figures, Load } from "./testbed.ts";

/** What every part gets. */
export interface Bench {
  /** How often each figure is measured. */
  readonly rounds: number;
  /** How long each time, in seconds. */
  readonly seconds: number;
  /** Takes the figures. */
  readonly results: Results;
  /** Says what is done next. */
  progress(text: string): void;
}

/** The part of a measurement of throughput in which processor time is counted: from, to. */
const COUNTED = [0.5, 1.1] as const;

/** Something that bytes go through. */
export interface Way {
  /** "MICSS", "TCP". */
  readonly system: string;
  /** Where it begins. */
  readonly host: string;
  /** Where it begins. */
  readonly port: number;
  /** What sets it apart, beside the system. */
  readonly setting?: Setting;
  /** The processes that carry it, without those that they start, if their processor time is to be measured, too. */
  readonly processes?: readonly number[];
}

/** Measures something once; what fails is noted and left out. */
export async function attempt(bench: Bench, what: string, measure: () => Promise<void>): Promise<void> {
  try {
    await measure();
  } catch (error) {
    const why = error instanceof Error ? error.message.trim().split("\n").at(-1) : String(error);
    bench.results.failures.push(`${what}: ${why}`);
    bench.progress(`failed: ${what}: ${why}`);
  }
}

/** Measures throughput over a way, once. */
export async function measureThroughput(
  bench: Bench,
  part: string,
  load: Load,
  way: Way,
  mode: "up" | "down",
  seconds = bench.seconds,
): Promise<void> {
  await attempt(bench, `${part}: ${way.system} ${mode} ${JSON.stringify(way.setting ?? {})}`, async () => {
    const measured = load.measure(mode, way.host, way.port, seconds);
    const [{ mbps }, cpu] = await Promise.all([measured, way.processes ? share(way.processes, seconds) : undefined]);
    bench.results.add(part, way.system, way.setting ?? {}, `throughput ${mode}`, "Mbit/s", mbps);
    if (cpu === undefined) return;
    bench.results.add(part, way.system, way.setting ?? {}, `processor ${mode}`, "s/GB", cpu / (mbps / 8000));
  });
}

/** How much of a processor processes take in the middle of a measurement that is about to begin. */
async function share(processes: readonly number[], seconds: number): Promise<number> {
  const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  await wait(COUNTED[0] * seconds * 1000);
  const all = processes.flatMap((pid) => [pid, ...descendants(pid)]);
  const began = performance.now(), before = cpuSeconds(all);
  await wait((COUNTED[1] - COUNTED[0]) * seconds * 1000);
  return (cpuSeconds(all) - before) / (performance.now() - began) * 1000;
}

/** Measures round trips over a way, once. */
export async function measureTrips(bench: Bench, part: string, load: Load, way: Way): Promise<void> {
  await attempt(bench, `${part}: ${way.system} round trips`, async () => {
    const figures: Figures = await load.measure("trip", way.host, way.port, bench.seconds / 2);
    for (const name of ["mean", "deviation", "median", "p99"] as const) {
      bench.results.add(part, way.system, way.setting ?? {}, `round trip, ${name}`, "µs", figures[name]);
    }
  });
}
