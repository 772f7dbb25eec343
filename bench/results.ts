import { median, quantile } from "../src/bench/statistics.ts";

/** What a figure belongs to: the horizontal axis and the panels of a chart. */
export type Setting = Readonly<Record<string, string | number>>;

/** One figure of the results, over all rounds. */
export interface Result {
  /** "table1", "loss". */
  readonly part: string;
  /** What was measured: "MICSS", "TCP". */
  readonly system: string;
  /** Under which circumstances. */
  readonly setting: Setting;
  /** "throughput up". */
  readonly metric: string;
  /** "Mbit/s". */
  readonly unit: string;
  /** Of the samples. */
  readonly median: number;
  /** The least sample. */
  readonly least: number;
  /** The greatest sample. */
  readonly most: number;
  /** A value for each round in which it could be measured. */
  readonly samples: readonly number[];
}

/** Collects samples, and what went wrong. */
export class Results {
  /** What could not be measured, a line each. */
  readonly failures: string[] = [];
  readonly #samples = new Map<string, { readonly of: Omit<Result, "median" | "least" | "most">; samples: number[] }>();

  /** Adds a round's value. */
  add(part: string, system: string, setting: Setting, metric: string, unit: string, value: number): void {
    const key = JSON.stringify([part, system, setting, metric]);
    const known = this.#samples.get(key);
    if (known !== undefined) return void known.samples.push(value);
    const samples = [value];
    this.#samples.set(key, { of: { part, system, setting, metric, unit, samples }, samples });
  }

  /** All figures, in the order in which each was first measured. */
  all(): Result[] {
    return [...this.#samples.values()].map(({ of: { samples, ...of } }) => {
      const rounded = samples.map((sample) => Number(sample.toPrecision(5)));
      const sorted = rounded.toSorted((a, b) => a - b);
      return { ...of, median: median(sorted), least: quantile(sorted, 0), most: quantile(sorted, 1), samples: rounded };
    });
  }
}
