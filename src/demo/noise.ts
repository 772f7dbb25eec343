import type { Measures } from "./measure.ts";

/**
 * Bounds for a million bytes of noise and a text of a few dozen bytes: true noise exceeds them in one measurement of 10^10.
 */
const BOUNDS = {
  leastEntropy: 7.999,
  leastChiSquare: 130,
  mostChiSquare: 450,
  leastGzip: 0.999,
  mostRun: 7,
};

/**
 * Tells bytes from noise.
 *
 * @param measures Those of about a million bytes.
 * @returns The difference in words, such as "has 4.1 bits of entropy a byte", or null if there is none.
 */
export function notNoise({ entropy, chiSquare, gzip, run }: Measures): string | null {
  if (run > BOUNDS.mostRun) return `holds ${run} bytes in a row of what was sent`;
  if (entropy < BOUNDS.leastEntropy) return `has only ${entropy.toFixed(3)} bits of entropy a byte`;
  if (chiSquare < BOUNDS.leastChiSquare) return "has bytes more evenly distributed than noise";
  if (chiSquare > BOUNDS.mostChiSquare) return `has unevenly spread bytes, by a chi-square of ${chiSquare.toFixed(0)}`;
  if (gzip < BOUNDS.leastGzip) return `can be compressed to ${(gzip * 100).toFixed(1)} %`;
  return null;
}
