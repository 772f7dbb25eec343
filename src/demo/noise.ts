import type { Measures } from "./measure.ts";

/**
 * Where noise ends, for a million bytes of it and a text of some dozen bytes: of true noise, one measurement in 10^10 is
 * beyond.
 */
const BOUNDS = {
  leastEntropy: 7.999,
  leastChiSquare: 130,
  mostChiSquare: 450,
  leastGzip: 0.999,
  mostRun: 7,
};

/**
 * What tells bytes from noise.
 *
 * @param measures Of about a million bytes.
 * @returns The fault in words, such as "has 4.1 bits of entropy a byte", or null where there is none.
 */
export function notNoise({ entropy, chiSquare, gzip, run }: Measures): string | null {
  if (run > BOUNDS.mostRun) return `holds ${run} bytes in a row of what was sent`;
  if (entropy < BOUNDS.leastEntropy) return `has only ${entropy.toFixed(3)} bits of entropy a byte`;
  if (chiSquare < BOUNDS.leastChiSquare) return "has bytes that are spread more evenly than noise";
  if (chiSquare > BOUNDS.mostChiSquare) return `has unevenly spread bytes, by a chi-square of ${chiSquare.toFixed(0)}`;
  if (gzip < BOUNDS.leastGzip) return `can be compressed to ${(gzip * 100).toFixed(1)} %`;
  return null;
}
