/**
 * Metrics in Prometheus's text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 * Not prom-client: its counters are told of each event, while ours are looked at when somebody asks, so that all that is
 * left of it is this file; and it comes with three more packages, for summaries and exemplars that nothing here has.
 *
 * @module
 */

/** What {@linkcode expose} writes. */
export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Label values by name. Few values each: every combination is a series. */
export type Labels = Readonly<Record<string, string>>;

/** One value of a metric. */
export interface Sample {
  /** What tells it from the metric's other values; those that are empty are left out. */
  readonly labels?: Labels;
  /** In the unit that the metric's name ends with. */
  readonly value: number;
}

/** A metric as it is at the moment. */
export type Metric =
  & {
    /** `micss_...`, a counter's ending in `_total`, with its base unit before that. */
    readonly name: string;
    /** One sentence. */
    readonly help: string;
  }
  & (
    | { readonly type: "counter" | "gauge"; readonly samples: readonly Sample[] }
    | { readonly type: "histogram"; readonly histogram: Distribution }
  );

/** How often something took how long, at the moment. */
export interface Distribution {
  /** Upper bounds, each in its bucket, ascending. */
  readonly bounds: readonly number[];
  /** How many were at most each bound; the last is how many there were. */
  readonly cumulative: readonly number[];
  /** The sum of all. */
  readonly sum: number;
}

/** How often something took how long: counts by upper bounds. */
export class Histogram implements Distribution {
  readonly bounds: readonly number[];
  sum = 0;
  /** How many are above the bound before, and not above this one; the last is above all. */
  readonly #counts: number[];

  /**
   * A histogram of nothing yet.
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

/** How often each of a few things happened. */
export class Tally<K extends string = string> {
  readonly #counts = new Map<K, number>();

  /**
   * Nothing has happened yet.
   *
   * @param known What is to be seen as 0 before it happens, so that the first time is seen as a rise.
   */
  constructor(known: readonly K[] = []) {
    for (const key of known) this.#counts.set(key, 0);
  }

  /** It has happened. */
  count(key: K): void {
    this.#counts.set(key, this.of(key) + 1);
  }

  /** How often it has happened. */
  of(key: K): number {
    return this.#counts.get(key) ?? 0;
  }

  /** What has happened, or was known, and how often. */
  entries(): [K, number][] {
    return [...this.#counts];
  }
}

/** Writes metrics in the text format. Those without a sample are left out. */
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
