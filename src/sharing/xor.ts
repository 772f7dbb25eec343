import type { Scheme } from "./scheme.ts";

/**
 * The XOR one-time pad, n-out-of-n: S1 ... S(n-1) are pads, Sn = S1 ^ ... ^ S(n-1) ^ M (paper, section III-E). Any n-1
 * shares are uniformly random whatever M is. Integrity is that of records (docs/SECURITY.md).
 */
export const xor: Scheme = {
  id: 1,
  name: "xor",
  split(message, shares, pads) {
    checkLengths(message, shares);
    const last = shares[shares.length - 1]!;
    const [first, second] = shares;
    for (let index = 0; index < shares.length - 1; index++) pads(shares[index]!);
    if (shares.length === 2) {
      xorInto(last, message, first!);
      return;
    }
    xorInto3(last, message, first!, second!);
    for (let index = 2; index < shares.length - 1; index++) xorInto(last, last, shares[index]!);
  },
  join(shares) {
    checkLengths(shares[0]!, shares);
    const [first, second, third] = shares;
    if (shares.length === 2) {
      xorInto(first!, first!, second!);
      return;
    }
    xorInto3(first!, first!, second!, third!);
    for (let index = 3; index < shares.length; index++) xorInto(first!, first!, shares[index]!);
  },
};

/** Rejects a short pad: beyond its end the last share would be the message itself. */
function checkLengths({ length }: Uint8Array, shares: readonly Uint8Array[]): void {
  if (shares.some((share) => share.length !== length)) throw new RangeError("shares have different lengths");
}

/** Below this length, in bytes, creating the views costs more than it saves. */
const MIN_FOR_WORDS = 128;

/** out = a ^ b. In words of 8 bytes it runs at 20 GB/s, byte by byte at 3. */
function xorInto(out: Uint8Array, a: Uint8Array, b: Uint8Array): void {
  const { head, words } = alignment(out);
  if (words > 0) {
    const o = wordsOf(out, head, words), x = wordsOf(a, head, words), y = wordsOf(b, head, words);
    for (let i = 0; i < words; i++) o[i] = x[i]! ^ y[i]!;
  }
  for (let i = 0; i < head; i++) out[i] = a[i]! ^ b[i]!;
  for (let i = head + words * 8; i < out.length; i++) out[i] = a[i]! ^ b[i]!;
}

/** out = a ^ b ^ c in one pass: three channels are the common case, and memory bandwidth is the limit. */
function xorInto3(out: Uint8Array, a: Uint8Array, b: Uint8Array, c: Uint8Array): void {
  const { head, words } = alignment(out);
  if (words > 0) {
    const o = wordsOf(out, head, words), x = wordsOf(a, head, words), y = wordsOf(b, head, words);
    const z = wordsOf(c, head, words);
    for (let i = 0; i < words; i++) o[i] = x[i]! ^ y[i]! ^ z[i]!;
  }
  for (let i = 0; i < head; i++) out[i] = a[i]! ^ b[i]! ^ c[i]!;
  for (let i = head + words * 8; i < out.length; i++) out[i] = a[i]! ^ b[i]! ^ c[i]!;
}

/** Bytes before the first word boundary, and whole words after it. */
function alignment(bytes: Uint8Array): { head: number; words: number } {
  if (bytes.length < MIN_FOR_WORDS) return { head: 0, words: 0 };
  const head = (8 - bytes.byteOffset % 8) % 8;
  return { head, words: (bytes.length - head) >>> 3 };
}

function wordsOf(bytes: Uint8Array, head: number, words: number): BigUint64Array {
  return new BigUint64Array(bytes.buffer, bytes.byteOffset + head, words);
}
