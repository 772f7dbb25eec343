import type { Shares } from "../association/association_options.ts";
import type { Channel, Properties } from "./channel.ts";
import { frontier, safestFirst } from "./frontier.ts";
import { fastestSchedule, propertiesOf, type Schedule } from "./schedule.ts";
import { choose, type Wish } from "./wish.ts";

/** Minimum number of channels of a handler's association. */
const MIN_CHANNELS = 2;

/** Maximum number of channels whose smaller sets are planned with thresholds, too: beyond it, that takes a minute. */
const MAX_WITH_THRESHOLDS = 12;

/** Maximum number of sets in a plan; of more, only those on the frontier are kept. */
const MAX_SETS = 64;

/** A choice of threshold and channels, with its consequences. */
export interface Choice extends Properties {
  /** Number of shares that join to a record. */
  readonly k: number;
  /** Number of shares per record. */
  readonly m: number;
  /** Sets of channels, and how often each is used. */
  readonly schedule: Schedule;
  /** True if no other choice of its list is at least as good in everything and better in something. */
  readonly frontier: boolean;
}

/** All that a server's channels can be used for. */
export interface Plan {
  /** The server's name. */
  readonly server: string;
  /** Its channels, in the configuration's order. */
  readonly channels: readonly Channel[];
  /** The bounds. */
  readonly wish: Wish;
  /** Length of the shares of choices that need all of them. */
  readonly shares: Shares;
  /**
   * Choices of today's handlers: a share of every record on each channel of one set, of which k suffice, at least 2. Of
   * more than 12 channels, smaller sets need all. The safest come first; with more than 64, those that are not on the
   * frontier are left out.
   */
  readonly sets: readonly Choice[];
  /** For each k and m, a schedule with the best rate. Today's handlers can run it only if it is also one of `sets`. */
  readonly thresholds: readonly Choice[];
  /** The fastest of `sets` within the bounds; null if none is. */
  readonly choice: Choice | null;
  /** The fastest of `thresholds` within the bounds; null if none is. */
  readonly thresholdChoice: Choice | null;
}

/** Plans the use of a server's channels. @param channels 2 to 16. */
export function plan(server: string, channels: readonly Channel[], wish: Wish, shares: Shares = "full"): Plan {
  const choiceOf = (k: number, m: number, schedule: Schedule): Choice => {
    const { rate, ...properties } = propertiesOf(schedule, channels);
    return { k, m, schedule, ...properties, rate: rate * rateFactor(k, m, shares), frontier: false };
  };
  const sets = marked(
    setsOf(channels.length).flatMap((set) =>
      thresholdsOf(set, channels.length).map((k) => choiceOf(k, set.length, [{ k, channels: set, p: 1 }]))
    ),
  );
  const thresholds = marked(
    pairsOf(channels.length).map(({ k, m }) => choiceOf(k, m, fastestSchedule(channels, k, m))),
  );
  return {
    server,
    channels,
    wish,
    shares,
    sets: sets.filter(({ frontier }) => frontier || sets.length <= MAX_SETS).toSorted(safestFirst),
    thresholds,
    choice: choose(sets, wish) ?? null,
    thresholdChoice: choose(thresholds, wish) ?? null,
  };
}

/** Tells whether today's handlers can run a choice: every record goes over the same channels, and at least 2 are needed. */
export function isRunnable({ k, schedule }: Choice): boolean {
  return k >= MIN_CHANNELS && schedule.length === 1;
}

/** Each k with which today's handlers can use a set; of very many sets, only of the largest. */
function thresholdsOf({ length }: readonly number[], of: number): number[] {
  if (length < of && of > MAX_WITH_THRESHOLDS) return [length];
  return Array.from({ length: length - MIN_CHANNELS + 1 }, (_, at) => MIN_CHANNELS + at);
}

/** Factor by which shares raise the rate of full ones: short shares are an m-th as long, and made where all m are needed. */
export function rateFactor(k: number, m: number, shares: Shares): number {
  return shares === "short" && k === m ? m : 1;
}

function marked(choices: readonly Choice[]): Choice[] {
  const best = new Set(frontier(choices));
  return choices.map((choice) => ({ ...choice, frontier: best.has(choice) }));
}

/** All sets of at least {@linkcode MIN_CHANNELS} of `n` channels. */
function setsOf(n: number): number[][] {
  const sets = Array.from({ length: 2 ** n }, (_, bits) => [...Array(n).keys()].filter((at) => bits >> at & 1));
  return sets.filter(({ length }) => length >= MIN_CHANNELS);
}

/** All pairs of k and m with `1 <= k <= m <= n`. */
function pairsOf(n: number): { k: number; m: number }[] {
  return Array.from({ length: n }, (_, m) => Array.from({ length: m + 1 }, (_, k) => ({ k: k + 1, m: m + 1 }))).flat();
}
