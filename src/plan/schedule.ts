import type { Channel, Properties } from "./channel.ts";
import { bestRate, usesAt } from "./rate.ts";
import { atLeast, fewerThan, meanArrival } from "./threshold.ts";

/** Smallest probability that counts; less is a rounding error. */
const TINY = 1e-12;

/** One way to send a record. */
export interface Way {
  /** Number of shares that join to a record. */
  readonly k: number;
  /** Indexes of the channels that get a share each, ascending; at least `k`. */
  readonly channels: readonly number[];
}

/** A mixture of ways: p(k, M). Their probabilities sum to 1. */
export type Schedule = readonly (Way & {
  /** Probability that a record is sent this way, above 0. */
  readonly p: number;
})[];

/** Mean of `k`. */
export function kappa(schedule: Schedule): number {
  return schedule.reduce((total, { p, k }) => total + p * k, 0);
}

/** Mean number of shares per record. */
export function mu(schedule: Schedule): number {
  return schedule.reduce((total, { p, channels }) => total + p * channels.length, 0);
}

/** Highest rate at which no channel is asked for more than it carries, in bits per second. */
export function rateOf(schedule: Schedule, channels: readonly Channel[]): number {
  const uses = channels.map(() => 0);
  for (const { p, channels } of schedule) for (const at of channels) uses[at]! += p;
  return Math.min(...channels.flatMap(({ rate }, at) => uses[at]! > TINY ? rate / uses[at]! : []));
}

/** Properties of a schedule: means over its ways, the delay over the records that arrive. */
export function propertiesOf(schedule: Schedule, channels: readonly Channel[]): Properties {
  let risk = 0, loss = 0, delay = 0, arrives = 0;
  for (const { p, k, channels: used } of schedule) {
    const set = used.map((at) => channels[at]!);
    const lost = fewerThan(set.map(({ loss }) => 1 - loss), k);
    risk += p * atLeast(set.map(({ risk }) => risk), k);
    loss += p * lost;
    delay += p * (1 - lost) * meanArrival(set, k);
    arrives += p * (1 - lost);
  }
  return { risk, rate: rateOf(schedule, channels), loss, delay: delay / arrives };
}

/**
 * A schedule that reaches the best rate with threshold `k` and `mu` shares per record on average. Others may reach it,
 * too, with the same use of each channel but other sets.
 *
 * The uses of the channels, end to end, fill a line of length mu; points at distance 1 select the channels that they fall
 * on, and the schedule is the distribution of these sets over the place of the first point. No use exceeds 1, so no
 * channel is selected twice (systematic sampling, W. G. Madow, 1949).
 *
 * @param k At most `mu`.
 */
export function fastestSchedule(channels: readonly Channel[], k: number, mu: number): Schedule {
  const rates = channels.map(({ rate }) => rate);
  const uses = usesAt(rates, bestRate(rates, mu));
  const ends: number[] = [];
  for (const use of uses) ends.push((ends.at(-1) ?? 0) + use);
  // Rounding must not leave a gap at the end.
  ends[ends.length - 1] = mu;
  const cuts = [...ends, mu].map((end) => end - Math.floor(end + TINY)).filter((cut) => cut > TINY);
  const bounds = [0, ...new Set(cuts.toSorted((one, other) => one - other)), 1];
  const ways = new Map<string, Way & { p: number }>();
  for (const [at, from] of bounds.slice(0, -1).entries()) {
    const p = bounds[at + 1]! - from;
    if (p < TINY) continue;
    const used = selected(ends, from + p / 2);
    const way = ways.get(used.join()) ?? { k, channels: used, p: 0 };
    way.p += p;
    ways.set(used.join(), way);
  }
  return [...ways.values()].toSorted((one, other) => other.p - one.p);
}

/** Indexes of the segments that end at `ends` and have one of the points `first`, `first + 1`, ... on them. */
function selected(ends: readonly number[], first: number): number[] {
  return [...ends.keys()].filter((at) => {
    const from = at === 0 ? 0 : ends[at - 1]!;
    return Math.ceil(ends[at]! - first) > Math.ceil(from - first);
  });
}
