/** Length of an element in bytes. */
export const ELEMENT_LENGTH = 16;

/** Reductions of the four bits that a shift moves out at the top: i times x^7 + x^2 + x + 1, without carry. */
const REDUCED = Uint16Array.from({ length: 16 }, (_, i) => i ^ i << 1 ^ i << 2 ^ i << 7);

/**
 * Evaluates polynomials at one point k of GF(2^128).
 *
 * An element is 16 bytes read as one big-endian number, whose bit i is the coefficient of x^i; the field's polynomial is
 * x^128 + x^7 + x^2 + x + 1 (that of GCM, NIST SP 800-38D, whose bit order is the reverse).
 *
 * Multiplies four bits at a time, with a table of 16 multiples of k (V. Shoup, "On fast and provably secure message
 * authentication based on universal hashing", 1996): 0.1 microseconds per block, against 0.3 bit by bit.
 */
export class Evaluator {
  /** i times k at index 4i, for four-bit i: 32 bits per word, most significant first. */
  readonly #multiples = new Int32Array(64);

  /**
   * Creates an evaluator at k.
   *
   * @param key k, 16 bytes; copied.
   */
  constructor(key: Uint8Array) {
    const table = this.#multiples;
    const k = new DataView(key.buffer, key.byteOffset, ELEMENT_LENGTH);
    for (let word = 0; word < 4; word++) table[4 + word] = k.getUint32(4 * word);
    for (let i = 2; i < 16; i++) {
      // Double the half, and add k once more for odd i.
      const half = 4 * (i >>> 1), odd = i & 1;
      const carry = -(table[half]! >>> 31) & 0x87;
      for (let word = 0; word < 4; word++) {
        const next = word < 3 ? table[half + word + 1]! >>> 31 : carry;
        table[4 * i + word] = table[half + word]! << 1 ^ next ^ (odd * table[4 + word]!);
      }
    }
  }

  /**
   * Computes m1 k + m2 k^2 + ... + md k^d, where m1 ... md are 16-byte blocks.
   *
   * @param message Begins with the blocks.
   * @param length Total length of the blocks in bytes: a positive multiple of 16.
   * @param sum Receives the 16 bytes of the result; may be the message itself.
   */
  evaluate(message: DataView, length: number, sum: DataView): void {
    const table = this.#multiples;
    let s3 = 0, s2 = 0, s1 = 0, s0 = 0;
    // Horner's rule from the last block: sum = (sum + block) k.
    for (let at = length - ELEMENT_LENGTH; at >= 0; at -= ELEMENT_LENGTH) {
      let f3 = s3 ^ message.getInt32(at), f2 = s2 ^ message.getInt32(at + 4);
      let f1 = s1 ^ message.getInt32(at + 8), f0 = s0 ^ message.getInt32(at + 12);
      s3 =
        s2 =
        s1 =
        s0 =
          0;
      for (let word = 0; word < 4; word++) {
        for (let shift = 28; shift >= 0; shift -= 4) {
          const four = (f3 >>> shift & 15) << 2;
          const reduced = REDUCED[s3 >>> 28]!;
          s3 = (s3 << 4 | s2 >>> 28) ^ table[four]!;
          s2 = (s2 << 4 | s1 >>> 28) ^ table[four + 1]!;
          s1 = (s1 << 4 | s0 >>> 28) ^ table[four + 2]!;
          s0 = s0 << 4 ^ reduced ^ table[four + 3]!;
        }
        f3 = f2, f2 = f1, f1 = f0, f0 = 0;
      }
    }
    sum.setInt32(0, s3);
    sum.setInt32(4, s2);
    sum.setInt32(8, s1);
    sum.setInt32(12, s0);
  }
}

/** {@linkcode Evaluator.evaluate} of one message at one point. */
export function evaluate(message: Uint8Array, key: Uint8Array): Uint8Array {
  const sum = new Uint8Array(ELEMENT_LENGTH);
  const blocks = new DataView(message.buffer, message.byteOffset, message.byteLength);
  new Evaluator(key).evaluate(blocks, message.length, new DataView(sum.buffer));
  return sum;
}
