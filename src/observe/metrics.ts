/**
 * Metrics in Prometheus's text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 * Not prom-client: it must be called for each event, while these metrics are read on request, which leaves only this file
 * of it; and it brings three more packages, for summaries and exemplars that are not used here.
 *
 * @module
 */

/** Content type of {@linkcode expose}'s output. */
export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Label values by name. Keep the values few: every combination is a time series. */
export type Labels = Readonly<Record<string, string>>;

/** One value of a metric. */
export interface Sample {
  /** Labels that distinguish it from the metric's other values; empty ones are left out. */
  readonly labels?: Labels;
  /** In the unit that the metric's name ends with. */
  readonly value: number;
}

/** The current state of a metric. */
export type Metric =
  & {
    /** `micss_...` with the base unit at the end, followed by `_total` for a counter. */
    readonly name: string;
    /** One sentence. */
    readonly help: string;
  }
  & (
    | { readonly type: "counter" | "gauge"; readonly samples: readonly Sample[] }
    | { readonly type: "histogram"; readonly histogram: Distribution }
  );

/** The current state of a histogram. */
export interface Distribution {
  /** Inclusive upper bounds, ascending. */
  readonly bounds: readonly number[];
  /** Number of values up to each bound; the last is the number of all values. */
  readonly cumulative: readonly number[];
  /** Sum of all values. */
  readonly sum: number;
}

/** Counts values by upper bounds. */
export class Histogram implements Distribution {
  readonly bounds: readonly number[];
  sum = 0;
  /** Values in each bucket; the last one is for those above all bounds. */
  readonly #counts: number[];

  /**
   * An empty histogram.
   *
   * @param bounds At least one, ascending, finite.
   */
  constructor(bounds: readonly number[]) {
    if (bounds.length === 0 || bounds.some((bound, at) => !(bound > (bounds[at - 1] ?? -Infinity)))) {
      throw new RangeError("Bounds must ascend");
    }
    this.bounds = bounds;
    this.#counts = Array(bounds.length + 1).fill(0);
  }

  /** Counts a value. */
  observe(value: number): void {
    const bucket = this.bounds.findIndex((bound) => value <= bound);
    this.#counts[bucket < 0 ? this.bounds.length : bucket]!++;
    this.sum += value;
  }

  get cumulative(): number[] {
    let count = 0;
    return this.#counts.map((more) => count += more);
  }
}

/** A counter for each of a few keys. */
export class Tally<K extends string = string> {
  readonly #counts = new Map<K, number>();

  /**
   * Starts all counters at 0.
   *
   * @param known Keys to list before they are first counted, so that Prometheus sees the first one as an increase.
   */
  constructor(known: readonly K[] = []) {
    for (const key of known) this.#counts.set(key, 0);
  }

  /** Increments a counter. */
  count(key: K): void {
    this.#counts.set(key, this.of(key) + 1);
  }

  /** The count of a key. */
  of(key: K): number {
    return this.#counts.get(key) ?? 0;
  }

  /** All keys and their counts. */
  entries(): [K, number][] {
    return [...this.#counts];
  }
}

/** Writes metrics in the text format, leaving out those without samples. */
export function expose(metrics: readonly Metric[]): string {
  return metrics.map((metric) => {
    const lines = linesOf(metric);
    if (lines.length === 0) return "";
    const { name, help, type } = metric;
    return `# HELP ${name} ${escape(help)}\n# TYPE ${name} ${type}\n${lines.join("")}`;
  }).join("");
}

function linesOf(metric: Metric): string[] {
  const { name } = metric;
  if (metric.type !== "histogram") {
    return metric.samples.map(({ labels = {}, value }) => line(name, labels, value));
  }
  const { bounds, cumulative, sum } = metric.histogram;
  return [
    ...cumulative.map((count, at) => line(`${name}_bucket`, { le: format(bounds[at] ?? Infinity) }, count)),
    line(`${name}_sum`, {}, sum),
    line(`${name}_count`, {}, cumulative.at(-1)!),
  ];
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).filter(([, value]) => value !== "")
    .map(([label, value]) => `${label}="${escape(value).replaceAll('"', '\\"')}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join()}}`} ${format(value)}\n`;
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function format(value: number): string {
  return value === Infinity ? "+Inf" : value === -Infinity ? "-Inf" : String(value);
}
