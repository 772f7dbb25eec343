import { median, quantile } from "../src/bench/statistics.ts";

/** Parameters of a figure: the horizontal axis and the panels of a chart. */
export type Setting = Readonly<Record<string, string | number>>;

/** One figure, over all rounds. */
export interface Result {
  /** "table1", "loss". */
  readonly part: string;
  /** The system under test: "MICSS", "TCP". */
  readonly system: string;
  /** The parameters of the measurement. */
  readonly setting: Setting;
  /** "throughput up". */
  readonly metric: string;
  /** "Mbit/s". */
  readonly unit: string;
  /** Median of the samples. */
  readonly median: number;
  /** Smallest sample. */
  readonly least: number;
  /** Largest sample. */
  readonly most: number;
  /** One value for each round that succeeded. */
  readonly samples: readonly number[];
}

/** Collects samples and failures. */
export class Results {
  /** Failed measurements, one line each. */
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

  /** All figures, in the order of their first measurement. */
  all(): Result[] {
    return [...this.#samples.values()].map(({ of: { samples, ...of } }) => {
      const rounded = samples.map((sample) => Number(sample.toPrecision(5)));
      const sorted = rounded.toSorted((a, b) => a - b);
      return { ...of, median: median(sorted), least: quantile(sorted, 0), most: quantile(sorted, 1), samples: rounded };
    });
  }
}
