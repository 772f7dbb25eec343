/**
 * Interpolation over GF(256) in AssemblyScript; main.ts builds src/sharing/interpolation_wasm.ts from it.
 *
 * No branch and no address depends on a message or a share: bytes are multiplied by looking up their halves with swizzle,
 * in two registers. Factors are public, since they follow from the shares' indexes. The caller writes values and factors
 * to the memory and reads results from it, at the addresses below, which src/sharing/interpolation.ts repeats.
 *
 * @module
 */

/** For each factor its products: 16 with the numbers 0 to 15, 16 with their multiples of 16. */
const PRODUCTS: usize = 0;

/** For each result 16 bytes: byte i is the factor of value i; byte 0 is not used. */
const FACTORS: usize = 8192;

/** 16 bytes 15. A constant would be made again for each use, and a loaded value stays in its register. */
const LOW_HALVES: usize = 8448;

/** Up to 17 blocks: the values, then the results. */
const VALUES: usize = 8512;

/** The bytes of a block. Double makes no difference, a half and a quarter take 6 and 14 % longer. */
const BLOCK: usize = 32768;

/** The product of two elements, modulo x^8 + x^4 + x^3 + x + 1. */
function multiply(a: u32, b: u32): u32 {
  let product: u32 = 0;
  for (; b !== 0; b >>= 1) {
    if (b & 1) product ^= a;
    a = a << 1 ^ (a >> 7) * 0x11b;
  }
  return product;
}

for (let factor: u32 = 0; factor < 256; factor++) {
  for (let half: u32 = 0; half < 16; half++) {
    store<u8>(PRODUCTS + (factor << 5) + half, multiply(factor, half) as u8);
    store<u8>(PRODUCTS + (factor << 5) + half, multiply(factor, half << 4) as u8, 16);
  }
}
v128.store(LOW_HALVES, i8x16.splat(15));

/**
 * Computes each result as v0 + f1 (v1 + v0) + f2 (v2 + v0) + ..., from the values v and its own factors f: the value of
 * the interpolating polynomial, as the factors of all values, that of v0 too, add up to 1.
 *
 * @param values From 2 to 16.
 * @param results At least 1; with the values at most 17.
 * @param length Of each, at most BLOCK. Up to 15 more bytes of each result are overwritten.
 */
export function interpolate(values: usize, results: usize, length: usize): void {
  for (let result: usize = 0; result < results; result += 2) {
    const out = VALUES + (values + result) * BLOCK, factors = FACTORS + (result << 4), pair = result + 1 < results;
    // Two results share the halves of a value, and two values the writing of a result.
    for (let value: usize = 1; value < values; value += 2) {
      const at = VALUES + value * BLOCK, sum = value === 1 ? VALUES : out, sum2 = value === 1 ? VALUES : out + BLOCK;
      const f = productsOf(factors + value), f2 = productsOf(factors + value + 16);
      if (value + 1 === values) {
        if (pair) addToTwo(out, sum, sum2, at, f, f2, length);
        else add(out, sum, at, f, length);
      } else {
        const g = productsOf(factors + value + 1), g2 = productsOf(factors + value + 17);
        if (pair) addTwoToTwo(out, sum, sum2, at, f, g, f2, g2, length);
        else addTwo(out, sum, at, f, g, length);
      }
    }
  }
}

function productsOf(factor: usize): usize {
  return PRODUCTS + ((load<u8>(factor) as usize) << 5);
}

/** The lower halves of bytes. */
function lower(bytes: v128, lowHalves: v128): v128 {
  return v128.and(bytes, lowHalves);
}

/** The upper halves of bytes. */
function upper(bytes: v128, lowHalves: v128): v128 {
  return v128.and(v128.shr<u16>(bytes, 4), lowHalves);
}

/**
 * The sum and a factor's products with bytes, given by their halves. A relaxed swizzle is the processor's own instruction;
 * processors differ only in what they give for indexes above 15, and a half is at most that.
 */
function plus(sum: v128, low: v128, high: v128, lowers: v128, uppers: v128): v128 {
  return v128.xor(sum, v128.xor(i8x16.relaxed_swizzle(low, lowers), i8x16.relaxed_swizzle(high, uppers)));
}

/** out = sum + f (value + first); f is the address of the factor's products. */
function add(out: usize, sum: usize, value: usize, f: usize, length: usize): void {
  const lowHalves = v128.load(LOW_HALVES), f0 = v128.load(f), f1 = v128.load(f, 16);
  for (let at: usize = 0; at < length; at += 16) {
    const x = v128.xor(v128.load(VALUES + at), v128.load(value + at));
    v128.store(out + at, plus(v128.load(sum + at), f0, f1, lower(x, lowHalves), upper(x, lowHalves)));
  }
}

/** As `add`, and the next block = sum2 + f2 (value + first). */
function addToTwo(out: usize, sum: usize, sum2: usize, value: usize, f: usize, f2: usize, length: usize): void {
  const lowHalves = v128.load(LOW_HALVES), f0 = v128.load(f), f1 = v128.load(f, 16);
  const f20 = v128.load(f2), f21 = v128.load(f2, 16);
  for (let at: usize = 0; at < length; at += 16) {
    const x = v128.xor(v128.load(VALUES + at), v128.load(value + at));
    const low = lower(x, lowHalves), high = upper(x, lowHalves);
    v128.store(out + at, plus(v128.load(sum + at), f0, f1, low, high));
    v128.store(out + at, plus(v128.load(sum2 + at), f20, f21, low, high), BLOCK);
  }
}

/** As `add`, plus g (next value + first). */
function addTwo(out: usize, sum: usize, value: usize, f: usize, g: usize, length: usize): void {
  const lowHalves = v128.load(LOW_HALVES), f0 = v128.load(f), f1 = v128.load(f, 16);
  const g0 = v128.load(g), g1 = v128.load(g, 16);
  for (let at: usize = 0; at < length; at += 16) {
    const first = v128.load(VALUES + at);
    const x = v128.xor(first, v128.load(value + at)), y = v128.xor(first, v128.load(value + at, BLOCK));
    const withX = plus(v128.load(sum + at), f0, f1, lower(x, lowHalves), upper(x, lowHalves));
    v128.store(out + at, plus(withX, g0, g1, lower(y, lowHalves), upper(y, lowHalves)));
  }
}

/** As `addTwo`, and the next block with sum2, f2 and g2. */
function addTwoToTwo(
  out: usize,
  sum: usize,
  sum2: usize,
  value: usize,
  f: usize,
  g: usize,
  f2: usize,
  g2: usize,
  length: usize,
): void {
  const lowHalves = v128.load(LOW_HALVES), f0 = v128.load(f), f1 = v128.load(f, 16);
  const g0 = v128.load(g), g1 = v128.load(g, 16);
  const f20 = v128.load(f2), f21 = v128.load(f2, 16), g20 = v128.load(g2), g21 = v128.load(g2, 16);
  for (let at: usize = 0; at < length; at += 16) {
    const first = v128.load(VALUES + at);
    const x = v128.xor(first, v128.load(value + at)), y = v128.xor(first, v128.load(value + at, BLOCK));
    const lowX = lower(x, lowHalves), highX = upper(x, lowHalves);
    const lowY = lower(y, lowHalves), highY = upper(y, lowHalves);
    v128.store(out + at, plus(plus(v128.load(sum + at), f0, f1, lowX, highX), g0, g1, lowY, highY));
    v128.store(out + at, plus(plus(v128.load(sum2 + at), f20, f21, lowX, highX), g20, g21, lowY, highY), BLOCK);
  }
}
