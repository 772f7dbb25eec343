/**
 * Distribution of the number of independent events that happen (Poisson binomial).
 *
 * @param probabilities Probability of each event, 0 to 1.
 * @returns At index `j`, the probability that exactly `j` of them happen.
 */
export function countDistribution(probabilities: readonly number[]): number[] {
  const counts = [1];
  for (const probability of probabilities) {
    counts.push(0);
    for (let j = counts.length - 1; j >= 0; j--) {
      counts[j] = counts[j]! * (1 - probability) + (j > 0 ? counts[j - 1]! * probability : 0);
    }
  }
  return counts;
}

/**
 * Probability that at least `k` of the events happen. With `k` shares needed of one per channel: the risk, from the
 * channels' risks.
 */
export function atLeast(probabilities: readonly number[], k: number): number {
  return sum(countDistribution(probabilities).slice(k));
}

/** Probability that fewer than `k` of the events happen: the loss, from the probabilities of arrival. */
export function fewerThan(probabilities: readonly number[], k: number): number {
  return sum(countDistribution(probabilities).slice(0, k));
}

/**
 * Mean time of the `k`-th arrival, in the case that at least `k` shares arrive.
 *
 * @param channels At least `k` channels, each with a loss below 1.
 */
export function meanArrival(channels: readonly { readonly loss: number; readonly delay: number }[], k: number): number {
  const sorted = channels.toSorted((one, other) => one.delay - other.delay);
  let before = [1], time = 0, arrives = 0;
  for (const { loss, delay } of sorted) {
    // The k-th arrival is this one if it arrives, and exactly k-1 of those before it have.
    const probability = (before[k - 1] ?? 0) * (1 - loss);
    time += probability * delay;
    arrives += probability;
    before = before.concat(0).map((of, j) => of * loss + (j > 0 ? before[j - 1]! * (1 - loss) : 0));
  }
  return time / arrives;
}

function sum(values: readonly number[]): number {
  // Rounding must not make a probability exceed 1.
  return Math.min(1, values.reduce((total, value) => total + value, 0));
}
