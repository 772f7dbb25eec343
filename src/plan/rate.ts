/**
 * Best rate of schedules that use `mu` channels for a record on average: the largest R with `sum min(r_i/R, 1) >= mu`.
 *
 * Per record, channel i carries a share in a fraction u_i of the cases, at most `min(r_i/R, 1)`; `sum u_i` is mu.
 *
 * @param rates Throughput of each channel, above 0.
 * @param mu Mean number of shares per record: 1 to the number of channels. Need not be a whole number.
 * @throws {RangeError} If `mu` is out of range.
 */
export function bestRate(rates: readonly number[], mu: number): number {
  const n = rates.length;
  if (!(mu >= 1 && mu <= n)) throw new RangeError(`mu must be from 1 to ${n}, not ${mu}`);
  const sorted = rates.toSorted((one, other) => other - one);
  if (mu === n) return sorted[n - 1]!;
  // Of the channels as fast as R or faster, each carries a share of every record; the others are used all of the time.
  for (let full = 0, rest = sorted.reduce((total, rate) => total + rate, 0); full < mu; rest -= sorted[full++]!) {
    const rate = rest / (mu - full);
    if (rate >= sorted[full]!) return rate;
  }
  return sorted[Math.ceil(mu) - 1]!;
}

/**
 * Use of each channel at a rate: the fraction of records that have a share on it.
 *
 * @param rate A result of {@linkcode bestRate}; then the sum of the uses is its `mu`, except for rounding.
 */
export function usesAt(rates: readonly number[], rate: number): number[] {
  return rates.map((one) => Math.min(one / rate, 1));
}
