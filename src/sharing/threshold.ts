import { interpolate } from "./interpolation.ts";
import type { Scheme } from "./scheme.ts";

/** Shares of a message at most. */
const MAX_SHARES = 16;

/** A {@linkcode Scheme} of which any k shares reveal the message, and fewer say nothing. */
export interface ThresholdScheme extends Scheme {
  /** k: the number of shares that reveal the message, 2 to 16. */
  readonly threshold: number;
  /**
   * Joins k shares into the message, which overwrites the first of them.
   *
   * @param shares Any k shares, of one length, in any order.
   * @param indexes The index of each, 0 to 15, all different; without it, they are the shares 0 to k-1.
   * @throws {RangeError} If the lengths differ, the number is not k, or an index is out of range or given twice.
   */
  join(shares: readonly Uint8Array[], indexes?: readonly number[]): void;
  /**
   * Computes the share that belongs to a message and to k-1 other shares. If the message and these are right, then a share
   * that differs is wrong.
   *
   * @param message The message; not modified.
   * @param shares k-1 shares, of the message's length; not modified.
   * @param indexes The index of each, 0 to 15, all different.
   * @param index The index of the share to compute.
   * @param into Gets the share: an array of the message's length, which overlaps none of the others.
   * @throws {RangeError} If the lengths differ, the number is not k-1, or an index is out of range or given twice.
   */
  reencode(
    message: Uint8Array,
    shares: readonly Uint8Array[],
    indexes: readonly number[],
    index: number,
    into: Uint8Array,
  ): void;
}

/**
 * Sharing by interpolation over GF(256) (docs/PROTOCOL.md 3.6): the message is a polynomial's value at 0, share i its value
 * at i+1. S1 ... S(k-1) are pads. Any k-1 shares are uniformly random whatever the message is (docs/SECURITY.md, claim 2).
 *
 * The number of shares n, k to 16, is that of the arrays that `split` is given. Offsets in buffers need not be equal.
 *
 * @param k The threshold, 2 to 16.
 * @throws {RangeError} If k is out of range. So does `split`, if n is.
 */
export function thresholdScheme(k: number): ThresholdScheme {
  if (!Number.isInteger(k) || k < 2 || k > MAX_SHARES) throw new RangeError(`a threshold of ${k}`);
  const first = Array.from({ length: k }, (_, index) => index);
  return {
    id: 2,
    name: "threshold",
    threshold: k,
    split(message, shares, pads) {
      if (shares.length < k || shares.length > MAX_SHARES) throw new RangeError(`${k} of ${shares.length} shares`);
      // Before a pad is drawn: beyond the end of a short one, shares would depend on the message alone.
      if (shares.some(({ length }) => length !== message.length)) throw new RangeError("shares have different lengths");
      const made = shares.slice(0, k - 1);
      for (const share of made) pads(share);
      const rest = shares.slice(k - 1);
      interpolate([message, ...made], [0, ...first.slice(1)], rest.map((_, index) => k + index), rest);
    },
    join(shares, indexes = first) {
      if (shares.length !== k) throw new RangeError(`${shares.length} shares, where the threshold is ${k}`);
      interpolate(shares, pointsOf(indexes), [0], [shares[0]!]);
    },
    reencode(message, shares, indexes, index, into) {
      if (shares.length !== k - 1) throw new RangeError(`${shares.length} other shares, where the threshold is ${k}`);
      const [at, ...points] = pointsOf([index, ...indexes]);
      if (points.includes(at!)) throw new RangeError(`the share ${index} is given`);
      interpolate([message, ...shares], [0, ...points], [at!], [into]);
    },
  };
}

function pointsOf(indexes: readonly number[]): number[] {
  return indexes.map((index) => {
    if (!Number.isInteger(index) || index < 0 || index >= MAX_SHARES) throw new RangeError(`a share's index ${index}`);
    return index + 1;
  });
}
