import type { Random } from "../support/random/random.ts";
import { concat } from "../../src/wire/concat.ts";

/** Bytes at which parsers decide. */
const BYTES = [0, 1, 2, 3, 4, 5, 8, 9, 10, 13, 15, 16, 17, 32, 34, 58, 64, 127, 128, 253, 254, 255];

/** Numbers at which lengths and counts end. */
const NUMBERS = [0, 1, 2, 15, 16, 17, 127, 128, 200, 201, 255, 256, 276, 277, 32_767, 32_768, 65_535, 65_536];
const LONG_NUMBERS = [524_287, 524_288, 524_289, 2 ** 24 - 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

/** Numbers in letters that parsers might take for others. */
const DIGITS = ["0", "1", "00", "-1", "+1", "1e3", "1.5", "0x10", "65535", "65536", "4294967296", "9".repeat(30)].map((
  text,
) => new TextEncoder().encode(text));

/** Mutates inputs; equal random numbers give equal sequences. */
export class Mutator {
  readonly #random: Random;
  readonly #words: readonly Uint8Array[];
  readonly #longest: number;

  /** @param longest No result is longer. */
  constructor(random: Random, words: readonly Uint8Array[], longest: number) {
    this.#random = random;
    this.#words = words;
    this.#longest = longest;
  }

  /** One of the inputs, changed once or a few times. */
  mutate(corpus: readonly Uint8Array[]): Uint8Array {
    let input = this.#random.pick(corpus);
    do input = this.#change(input, corpus).subarray(0, this.#longest); while (this.#random.below(2) === 0);
    // A copy, since parsers may keep their input.
    return input.slice();
  }

  #change(input: Uint8Array, corpus: readonly Uint8Array[]): Uint8Array {
    const random = this.#random;
    const at = random.below(input.length + 1);
    switch (random.below(12)) {
      case 0: // a bit
        return over(input, at, Uint8Array.of(input[at]! ^ 1 << random.below(8)));
      case 1:
        return over(input, at, Uint8Array.of(random.pick(BYTES)));
      case 2:
        return over(input, at, random.bytes(random.between(1, 4)));
      case 3: // a little more or less
        return over(input, at, Uint8Array.of(input[at]! + random.between(-4, 4)));
      case 4: // a length, at what it may count or at a limit
        return over(input, at, this.#length(input.length));
      case 5:
        return concat([input.subarray(0, at), input.subarray(at + this.#stretch(input.length - at))]);
      case 6:
        return input.subarray(0, at);
      case 7: // one stretch again, perhaps many times
        return this.#repeat(input, at);
      case 8: { // the beginning of one, the end of another
        const other = random.pick(corpus);
        return concat([input.subarray(0, at), other.subarray(random.below(other.length + 1))]);
      }
      case 9:
        return concat([input.subarray(0, at), this.#word(), input.subarray(at)]);
      case 10:
        return over(input, at, this.#word());
      default: { // two stretches change places
        const middle = at + random.below(input.length - at + 1);
        const end = middle + this.#stretch(input.length - middle);
        return concat([
          input.subarray(0, at),
          input.subarray(middle, end),
          input.subarray(at, middle),
          input.subarray(end),
        ]);
      }
    }
  }

  #word(): Uint8Array {
    const random = this.#random;
    if (this.#words.length > 0 && random.below(4) > 0) return random.pick(this.#words);
    return random.below(2) === 0 ? random.pick(DIGITS) : random.bytes(random.between(1, 8));
  }

  #length(of: number): Uint8Array {
    const random = this.#random;
    const width = random.between(1, 4);
    const near = of + random.between(-4, 4);
    const number = random.pick([near, random.pick(NUMBERS), random.pick(LONG_NUMBERS)]);
    return Uint8Array.from({ length: width }, (_, index) => Math.floor(number / 2 ** (8 * (width - 1 - index))));
  }

  #repeat(input: Uint8Array, at: number): Uint8Array {
    const stretch = input.subarray(at, at + this.#stretch(input.length - at));
    const most = this.#random.below(64) === 0 ? this.#longest : 4;
    const times = Math.min(most, Math.ceil(this.#longest / Math.max(1, stretch.length)));
    return concat([input.subarray(0, at), ...Array<Uint8Array>(times).fill(stretch), input.subarray(at)]);
  }

  /** A length up to `most`, mostly short. */
  #stretch(most: number): number {
    const longest = this.#random.below(3) === 0 ? most : Math.min(most, 16);
    return this.#random.below(longest + 1);
  }
}

/** `bytes` over `input` from `at` on; longer where they reach beyond its end. */
function over(input: Uint8Array, at: number, bytes: Uint8Array): Uint8Array {
  return concat([input.subarray(0, at), bytes, input.subarray(at + bytes.length)]);
}
