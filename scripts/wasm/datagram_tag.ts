/**
 * The tag of datagrams in AssemblyScript; main.ts builds src/datagrams/tag_wasm.ts from it.
 *
 * No branch and no address depends on a key or a message, only on the message's length: a product is looked up in vectors
 * of 16 bytes by an instruction that takes the same time for all. The caller writes inputs to the memory and reads results
 * from it, at the addresses below, which src/datagrams/tag.ts repeats.
 *
 * @module
 */

/** The key k, 16 bytes; big-endian, like the blocks and the tag. */
const K: usize = 0;

/** The tag, 16 bytes. */
const TAG: usize = 16;

/**
 * Tables of k, 512 bytes: for each byte d of an element, the lowest first, byte d of k times each of the 16 polynomials of
 * four bits, then of k times each of these times x^4.
 */
const TABLES: usize = 32;

/** The blocks m1, m2 and so on, 16 bytes each. */
const BLOCKS: usize = 544;

/** Makes the tables of k. */
export function prepare(): void {
  const kLow = bswap<u64>(load<u64>(K, 8)), kHigh = bswap<u64>(load<u64>(K));
  for (let nibble: u64 = 0; nibble < 16; nibble++) {
    let low: u64 = 0, high: u64 = 0, powerLow = kLow, powerHigh = kHigh;
    // Of a product by x, what leaves at the top comes in as x^7 + x^2 + x + 1.
    for (let bit: u64 = 0; bit < 8; bit++) {
      const chosen: u64 = bit < 4 ? 0 - (nibble >> bit & 1) : 0;
      low ^= powerLow & chosen;
      high ^= powerHigh & chosen;
      const top: u64 = 0 - (powerHigh >> 63);
      powerHigh = powerHigh << 1 | powerLow >> 63;
      powerLow = powerLow << 1 ^ (top & 0x87);
    }
    write(0, nibble, low, high);
    for (let bit = 0; bit < 4; bit++) {
      const top: u64 = 0 - (high >> 63);
      high = high << 1 | low >> 63;
      low = low << 1 ^ (top & 0x87);
    }
    write(16, nibble, low, high);
  }
}

/** Writes an element's bytes into the tables. */
function write(table: usize, nibble: u64, low: u64, high: u64): void {
  for (let byte: usize = 0; byte < 8; byte++) {
    const at = TABLES + 32 * byte + table + (nibble as usize);
    store<u8>(at, (low >> (8 * byte as u64)) as u8);
    store<u8>(at + 256, (high >> (8 * byte as u64)) as u8);
  }
}

/** Byte d of k times each byte of an element, whose lower and upper halves of bytes are given. */

function products(d: usize, lower: v128, upper: v128): v128 {
  return v128.xor(
    i8x16.relaxed_swizzle(v128.load(TABLES + 32 * d), lower),
    i8x16.relaxed_swizzle(v128.load(TABLES + 32 * d + 16), upper),
  );
}

/** The upper of two vectors as numbers of 32 bytes, times 256. */

function shifted(low: v128, high: v128): v128 {
  return i8x16.shuffle(low, high, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
}

/** The same by 65,536. */

function shifted2(low: v128, high: v128): v128 {
  return i8x16.shuffle(low, high, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
}

/** Computes m1 k + m2 k^2 + ... + md k^d, for d blocks. */
export function tag(d: usize): void {
  const zero = i64x2.splat(0), nibble = i8x16.splat(15);
  let sum = zero;
  for (let at = BLOCKS + 16 * d; at > BLOCKS;) {
    at -= 16;
    const block = v128.load(at);
    sum = v128.xor(sum, i8x16.shuffle(block, block, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
    const lower = v128.and(sum, nibble), upper = v128.and(i16x8.shr_u(sum, 4), nibble);
    // Bytes of k at even and at odd places, each from the highest on, so that two sums grow at a time.
    let evenLow = products(14, lower, upper), evenHigh = zero, oddLow = products(15, lower, upper), oddHigh = zero;
    for (let byte: usize = 14; byte > 0; byte -= 2) {
      evenHigh = shifted2(evenLow, evenHigh);
      evenLow = v128.xor(shifted2(zero, evenLow), products(byte - 2, lower, upper));
      oddHigh = shifted2(oddLow, oddHigh);
      oddLow = v128.xor(shifted2(zero, oddLow), products(byte - 1, lower, upper));
    }
    const low = v128.xor(evenLow, shifted(zero, oddLow)), high = v128.xor(evenHigh, shifted(oddLow, oddHigh));
    // x^128 is x^7 + x^2 + x + 1. The product has 31 bytes, so that nothing leaves at the top again.
    const carry = v128.xor(v128.xor(i64x2.shr_u(high, 63), i64x2.shr_u(high, 62)), i64x2.shr_u(high, 57));
    const folded = v128.xor(v128.xor(high, i64x2.shl(high, 1)), v128.xor(i64x2.shl(high, 2), i64x2.shl(high, 7)));
    const carried = i8x16.shuffle(zero, carry, 0, 0, 0, 0, 0, 0, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23);
    sum = v128.xor(v128.xor(low, folded), carried);
  }
  v128.store(TAG, i8x16.shuffle(sum, sum, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
}
