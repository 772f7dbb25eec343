/** Measures of the patterns in a stream of bytes. */
export interface Measures {
  /** Shannon entropy of the distribution of bytes, in bits per byte; at most 8. */
  readonly entropy: number;
  /** Chi-square statistic of that distribution against an even one, with 255 degrees of freedom. */
  readonly chiSquare: number;
  /** Length after gzip, as a fraction of the original length. */
  readonly gzip: number;
  /** Length in bytes of the longest run that also occurs in the text. */
  readonly run: number;
}

/**
 * Measures `bytes` without modifying them.
 *
 * @param bytes At least one; a million give precise measures, in about 50 ms.
 * @param text Text to look for, as in {@linkcode longestRun}.
 */
export async function measure(bytes: Uint8Array, text: Uint8Array): Promise<Measures> {
  const counts = countBytes(bytes);
  return {
    entropy: entropy(counts, bytes.length),
    chiSquare: chiSquare(counts, bytes.length),
    gzip: await gzipLength(bytes) / bytes.length,
    run: longestRun(bytes, text),
  };
}

/** Expected result of {@linkcode measure} for `length` bytes of noise and a text of `textLength` bytes. */
export function expectedOfNoise(length: number, textLength: number): Measures {
  return {
    // Miller's correction: a sample of noise is never perfectly even.
    entropy: 8 - 255 / (2 * length * Math.LN2),
    chiSquare: 255,
    gzip: 1,
    // The length expected once among all pairs of positions.
    run: Math.log(length * textLength) / Math.log(256),
  };
}

/** Number of occurrences of each of the 256 byte values. */
export function countBytes(bytes: Uint8Array): Uint32Array {
  const counts = new Uint32Array(256);
  for (let index = 0; index < bytes.length; index++) counts[bytes[index]!]!++;
  return counts;
}

/** Shannon entropy in bits per byte, from the occurrences of each value among `length` bytes. */
export function entropy(counts: Uint32Array, length: number): number {
  let sum = 0;
  for (const count of counts) if (count > 0) sum -= count / length * Math.log2(count / length);
  return sum;
}

/** Pearson's chi-square statistic against a uniform distribution; 255 with a standard deviation of 23 for noise. */
export function chiSquare(counts: Uint32Array, length: number): number {
  const expected = length / 256;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** Length of `bytes` after gzip. */
export async function gzipLength(bytes: Uint8Array): Promise<number> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new CompressionStream("gzip"));
  let length = 0;
  for await (const chunk of stream) length += chunk.length;
  return length;
}

/**
 * Length in bytes of the longest run of `bytes` that also occurs in `text`.
 *
 * @param text Treated as repeated endlessly, so a repetitive text is given once. Takes time proportional to its length times
 * that of `bytes` at worst, and to that of `bytes` alone for noise.
 */
export function longestRun(bytes: Uint8Array, text: Uint8Array): number {
  const { length } = text;
  const places = Map.groupBy(text.keys(), (place) => text[place]!);
  let longest = 0;
  // A run that fits between two of these positions is no longer than the longest so far.
  for (let at = 0; at < bytes.length; at += longest + 1) {
    for (const place of places.get(bytes[at]!) ?? []) {
      const shift = (place + length - at % length) % length;
      let start = at, end = at + 1;
      while (start > 0 && bytes[start - 1] === text[(start - 1 + shift) % length]) start--;
      while (end < bytes.length && bytes[end] === text[(end + shift) % length]) end++;
      longest = Math.max(longest, end - start);
    }
  }
  return longest;
}
