import { cpuSeconds, descendants } from "./processes.ts";
import type { Results, Setting } from "./results.ts";
import type { Figures, Load } from "./testbed.ts";

/** Context of every part. */
export interface Bench {
  /** Measurements of each figure. */
  readonly rounds: number;
  /** Duration of each measurement, in seconds. */
  readonly seconds: number;
  /** Collects the figures. */
  readonly results: Results;
  /** Reports the next step. */
  progress(text: string): void;
}

/** The fractions of a throughput measurement between which processor time is counted. */
const COUNTED = [0.5, 1.1] as const;

/** A path under test. */
export interface Way {
  /** "MICSS", "TCP". */
  readonly system: string;
  /** The address that clients connect to. */
  readonly host: string;
  /** The port that clients connect to. */
  readonly port: number;
  /** Parameters that distinguish it from others of the same system. */
  readonly setting?: Setting;
  /** The processes that carry the traffic, if their processor time is measured too; their children are counted as well. */
  readonly processes?: readonly number[];
}

/** Measures something once; a failure is recorded and the figure left out. */
export async function attempt(bench: Bench, what: string, measure: () => Promise<void>): Promise<void> {
  try {
    await measure();
  } catch (error) {
    const why = error instanceof Error ? error.message.trim().split("\n").at(-1) : String(error);
    bench.results.failures.push(`${what}: ${why}`);
    bench.progress(`failed: ${what}: ${why}`);
  }
}

/** Measures throughput once. */
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

/** Processors in use by `processes` in the middle of a measurement that is about to begin. */
async function share(processes: readonly number[], seconds: number): Promise<number> {
  const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  await wait(COUNTED[0] * seconds * 1000);
  const all = processes.flatMap((pid) => [pid, ...descendants(pid)]);
  const began = performance.now(), before = cpuSeconds(all);
  await wait((COUNTED[1] - COUNTED[0]) * seconds * 1000);
  return (cpuSeconds(all) - before) / (performance.now() - began) * 1000;
}

/** Measures round trips once. */
export async function measureTrips(bench: Bench, part: string, load: Load, way: Way): Promise<void> {
  await attempt(bench, `${part}: ${way.system} round trips`, async () => {
    const figures: Figures = await load.measure("trip", way.host, way.port, bench.seconds / 2);
    for (const name of ["mean", "deviation", "median", "p99"] as const) {
      bench.results.add(part, way.system, way.setting ?? {}, `round trip, ${name}`, "µs", figures[name]);
    }
  });
}
