import type { Properties } from "./channel.ts";
import { safestFirst } from "./frontier.ts";

/** Bounds that a user sets. Among the choices within them, the fastest is chosen. */
export interface Wish {
  /** Maximum risk, 0 to 1. */
  readonly risk: number;
  /** Maximum loss, 0 to 1. Default: any. */
  readonly loss?: number;
  /** Maximum delay, in milliseconds. Default: any. */
  readonly delay?: number;
  /** Minimum rate, in bits per second. Default: any. */
  readonly rate?: number;
}

/** Part of a bound by which rounding errors may exceed it. */
const SLACK = 1e-9;

/** Tells whether a choice is within all bounds. */
export function meets(of: Properties, { risk, loss, delay, rate }: Wish): boolean {
  const most = (value: number, bound = Infinity): boolean => value <= bound * (1 + SLACK);
  return most(of.risk, risk) && most(of.loss, loss) && most(of.delay, delay) && most(rate ?? 0, of.rate);
}

/** The fastest choice within the bounds; of equally fast ones, the one with the least risk. Undefined if none is. */
export function choose<T extends Properties>(choices: readonly T[], wish: Wish): T | undefined {
  const within = choices.filter((choice) => meets(choice, wish));
  const rate = Math.max(...within.map(({ rate }) => rate));
  return within.filter((choice) => choice.rate >= rate * (1 - SLACK)).toSorted(safestFirst)[0];
}
