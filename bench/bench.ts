import type { Results, Setting } from "./results.ts";
import type { Figures, Load } from "./stage.ts";

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
    const { mbps } = await load.measure(mode, way.host, way.port, seconds);
    bench.results.add(part, way.system, way.setting ?? {}, `throughput ${mode}`, "Mbit/s", mbps);
  });
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
