/**
 * Reproducible randomness for tests (Tommy Ettinger's Mulberry32, which is in the public domain). Not a CSPRNG.
 *
 * @module
 */

/** Numbers, bytes and cuts determined by a seed. */
export class Random {
  #state: number;

  /**
   * Starts a seed's sequence.
   *
   * @param seed Any 32-bit integer.
   */
  constructor(seed: number) {
    this.#state = seed;
  }

  /** An integer from 0 to `limit` - 1; `limit` is at most 2^32. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 * limit);
  }

  /** An integer from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** An element of a list. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** Fills the whole array; stands in for a CSPRNG. */
  readonly fill = (into: Uint8Array): void => {
    for (let index = 0; index < into.length; index++) into[index] = this.below(256);
  };

  /** A new array of `length` bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    this.fill(bytes);
    return bytes;
  }

  /** Cuts bytes into pieces: views of 1 to `most` bytes each. */
  *cuts(bytes: Uint8Array, most: number): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length;) {
      const end = at + this.between(1, most);
      yield bytes.subarray(at, end);
      at = end;
    }
  }
}

/**
 * Runs `body` with the seeds 1 to `runs`. An error names the seed and has the original as its cause, so that
 * `body(new Random(seed))` alone repeats the failure. Where a smaller case would help, use property.ts, which shrinks.
 */
export async function forSeeds(runs: number, body: (random: Random) => void | Promise<void>): Promise<void> {
  for (let seed = 1; seed <= runs; seed++) {
    try {
      await body(new Random(seed));
    } catch (cause) {
      throw new Error(`with seed ${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
  }
}
