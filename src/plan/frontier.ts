import type { Properties } from "./channel.ts";

/** Differences below this part are rounding errors. */
const EQUAL = 1e-9;

/** Tells whether `one` is at least as good as `other` in everything, and better in something. */
export function dominates(one: Properties, other: Properties): boolean {
  const gains = [
    gain(other.risk, one.risk),
    gain(one.rate, other.rate),
    gain(other.loss, one.loss),
    gain(other.delay, one.delay),
  ];
  return gains.every((gain) => gain >= 0) && gains.some((gain) => gain > 0);
}

/** Items that no other dominates, in the order of `items`. */
export function frontier<T extends Properties>(items: readonly T[]): T[] {
  const kept = new Set<T>();
  // An item that dominates another comes before it in this order.
  for (const item of items.toSorted(safestFirst)) {
    if (![...kept].some((other) => dominates(other, item))) kept.add(item);
  }
  return items.filter((item) => kept.has(item));
}

/** Orders by risk, then rate, loss and delay, the best first. */
export function safestFirst(one: Properties, other: Properties): number {
  return gain(one.risk, other.risk) || gain(other.rate, one.rate) || gain(one.loss, other.loss) ||
    gain(one.delay, other.delay);
}

/** `high - low`, or 0 if that is a rounding error. */
function gain(high: number, low: number): number {
  const difference = high - low;
  return Math.abs(difference) <= EQUAL * Math.max(Math.abs(high), Math.abs(low)) ? 0 : difference;
}
