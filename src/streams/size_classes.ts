/**
 * Smallest size class in bytes: more than a keystroke, the frames that begin and end a session, and most requests, so that
 * all of these look the same.
 */
export const MIN_CLASS = 512;

/**
 * The size class for a length: Padmé (Nikitin et al., _Reducing Metadata Leakage from Encrypted Files and Communication with
 * PURBs_, 2019), at least {@linkcode MIN_CLASS}. A class is at most 12 % longer than what is in it, and lengths up to L fall
 * into O(log L log log L) classes.
 *
 * @param length In bytes, at least 1.
 */
export function sizeClass(length: number): number {
  const step = stepOf(length);
  return Math.max(MIN_CLASS, Math.ceil(length / step) * step);
}

/** The largest size class that is not above a length; 0 if there is none. @param length In bytes. */
export function largestClass(length: number): number {
  if (length < MIN_CLASS) return 0;
  const step = stepOf(length);
  return Math.floor(length / step) * step;
}

/** Distance between size classes around a length: as many leading bits count as its exponent has. */
function stepOf(length: number): number {
  const exponent = Math.floor(Math.log2(length));
  return exponent < 1 ? 1 : 2 ** Math.max(0, exponent - Math.floor(Math.log2(exponent)) - 1);
}
