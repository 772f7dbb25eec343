/** What a set of round trips comes to; all in the unit of the samples. */
export interface Summary {
  /** How many samples. */
  readonly count: number;
  /** Their mean. */
  readonly mean: number;
  /** Their standard deviation. */
  readonly deviation: number;
  /** Half of them are below. */
  readonly median: number;
  /** 99 of 100 are below. */
  readonly p99: number;
}

/** Sums samples up, which are only read; at least one. */
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
 * The value below which the part `q` of the samples lies; between two of them it is as far as `q` is.
 *
 * @param sorted At least one, the least first.
 */
export function quantile(sorted: readonly number[], q: number): number {
  const at = q * (sorted.length - 1), low = Math.floor(at);
  const below = sorted[low]!, above = sorted[Math.min(low + 1, sorted.length - 1)]!;
  return below + (above - below) * (at - low);
}

/** The median of unsorted samples; at least one. */
export function median(samples: readonly number[]): number {
  return quantile(samples.toSorted((a, b) => a - b), 0.5);
}
