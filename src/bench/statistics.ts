/** Summary of a set of round trips, in the unit of the samples. */
export interface Summary {
  /** Number of samples. */
  readonly count: number;
  /** Mean. */
  readonly mean: number;
  /** Standard deviation. */
  readonly deviation: number;
  /** Median. */
  readonly median: number;
  /** 99th percentile. */
  readonly p99: number;
}

/** Summarizes at least one sample, without modifying them. */
export function summarize(samples: readonly number[]): Summary {
  const sorted = samples.toSorted((a, b) => a - b);
  const mean = sorted.reduce((sum, sample) => sum + sample, 0) / sorted.length;
  const variance = sorted.reduce((sum, sample) => sum + (sample - mean) ** 2, 0) / sorted.length;
  return {
    count: sorted.length,
    mean,
    deviation: Math.sqrt(variance),
    median: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
  };
}

/**
 * The quantile `q` of the samples, interpolated linearly between two of them.
 *
 * @param sorted At least one sample, in ascending order.
 */
export function quantile(sorted: readonly number[], q: number): number {
  const at = q * (sorted.length - 1), low = Math.floor(at);
  const below = sorted[low]!, above = sorted[Math.min(low + 1, sorted.length - 1)]!;
  return below + (above - below) * (at - low);
}

/** Median of at least one unsorted sample. */
export function median(samples: readonly number[]): number {
  return quantile(samples.toSorted((a, b) => a - b), 0.5);
}
