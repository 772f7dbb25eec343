/** What one stream of bytes looks like to someone who searches it for a pattern. */
export interface Measures {
  /** Shannon entropy of the distribution of bytes, in bits a byte; 8 at most. */
  readonly entropy: number;
  /** Chi-square statistic of that distribution against an even one, with 255 degrees of freedom. */
  readonly chiSquare: number;
  /** The length that gzip brings it to, as a fraction of its own. */
  readonly gzip: number;
  /** The longest run of bytes, in bytes, that is in the text too. */
  readonly run: number;
}

/**
 * Measures `bytes`, which are only read.
 *
 * @param bytes At least one; a million make the measures sharp, and take some 50 ms.
 * @param text What to look for, as {@linkcode longestRun} takes it.
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

/** What {@linkcode measure} is expected to give for `length` bytes of noise and a text of `textLength` bytes. */
export function expectedOfNoise(length: number, textLength: number): Measures {
  return {
    // Miller's correction: a sample of noise is never quite even.
    entropy: 8 - 255 / (2 * length * Math.LN2),
    chiSquare: 255,
    gzip: 1,
    // So long a run is expected once among all pairs of places.
    run: Math.log(length * textLength) / Math.log(256),
  };
}

/** How often each of the 256 bytes occurs. */
export function countBytes(bytes: Uint8Array): Uint32Array {
  const counts = new Uint32Array(256);
  for (let index = 0; index < bytes.length; index++) counts[bytes[index]!]!++;
  return counts;
}

/** Shannon entropy in bits a byte, of how often each byte occurs among `length`. */
export function entropy(counts: Uint32Array, length: number): number {
  let sum = 0;
  for (const count of counts) if (count > 0) sum -= count / length * Math.log2(count / length);
  return sum;
}

/** Pearson's chi-square statistic against an even distribution; 255 with a deviation of 23 for noise. */
export function chiSquare(counts: Uint32Array, length: number): number {
  const expected = length / 256;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** How many bytes gzip makes of `bytes`. */
export async function gzipLength(bytes: Uint8Array): Promise<number> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new CompressionStream("gzip"));
  let length = 0;
  for await (const chunk of stream) length += chunk.length;
  return length;
}

/**
 * The longest run of `bytes` that is also in `text`, in bytes.
 *
 * @param text Is read as if repeated without end, so that a text which says the same over and over is given once. The
 * time grows with its length times that of `bytes` at worst, and with that of `bytes` alone for noise.
 */
export function longestRun(bytes: Uint8Array, text: Uint8Array): number {
  const places = Map.groupBy(text.keys(), (place) => text[place]!);
  // By how far the text is shifted: the last place where so shifted a text was seen to differ. No run goes across it.
  const differs = new Float64Array(text.length).fill(-1);
  let longest = 0;
  for (let start = 0; start + longest < bytes.length; start++) {
    for (const place of places.get(bytes[start]!) ?? []) {
      if (bytes[start + longest] !== text[(place + longest) % text.length]) continue;
      const shift = (place + text.length - start % text.length) % text.length;
      if (differs[shift]! >= start) continue;
      let end = start + 1;
      while (end < bytes.length && bytes[end] === text[(end + shift) % text.length]) end++;
      differs[shift] = end;
      longest = Math.max(longest, end - start);
    }
  }
  return longest;
}
