import type { Measures } from "./measure.ts";

/**
 * Bounds for a million bytes of noise and a text of a few dozen bytes: true noise exceeds them in one measurement of 10^10.
 */
const BOUNDS = {
  minEntropy: 7.999,
  minChiSquare: 130,
  maxChiSquare: 450,
  minGzip: 0.999,
  maxRun: 7,
};

/**
 * Tells bytes from noise.
 *
 * @param measures Those of about a million bytes.
 * @returns The difference in words, such as "has 4.1 bits of entropy a byte", or null if there is none.
 */
export function notNoise({ entropy, chiSquare, gzip, run }: Measures): string | null {
  if (run > BOUNDS.maxRun) return `holds ${run} bytes in a row of what was sent`;
  if (entropy < BOUNDS.minEntropy) return `has only ${entropy.toFixed(3)} bits of entropy a byte`;
  if (chiSquare < BOUNDS.minChiSquare) return "has bytes more evenly distributed than noise";
  if (chiSquare > BOUNDS.maxChiSquare) return `has unevenly spread bytes, by a chi-square of ${chiSquare.toFixed(0)}`;
  if (gzip < BOUNDS.minGzip) return `can be compressed to ${(gzip * 100).toFixed(1)} %`;
  return null;
}
