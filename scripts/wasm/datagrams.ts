/**
 * The tag and the joining of datagrams in AssemblyScript; main.ts builds src/datagrams/datagrams_wasm.ts from it.
 *
 * No branch and no address depends on a key or a message, only on the message's length: a product is looked up in vectors
 * of 16 bytes by an instruction that takes the same time for all. The caller writes inputs to the memory and reads results
 * from it, at addresses of its own and at those below, which src/datagrams/memory.ts repeats.
 *
 * @module
 */

/** The key k, 16 bytes; big-endian, like the blocks and the tag. */
const K: usize = 0;

/**
 * Tables of k, 512 bytes: for each byte d of an element, the lowest first, byte d of k times each of the 16 polynomials of
 * four bits, then of k times each of these times x^4.
 */
const TABLES: usize = 32;

/** Bytes of the tables of an element; those of k^2, k^3 and k^4 follow. */
const TABLES_LENGTH: usize = 512;

/** Makes the tables of k, k^2, k^3 and k^4. */
export function prepare(): void {
  for (let power: usize = 0; power < 4; power++) {
    fill(TABLES + power * TABLES_LENGTH);
    multiply(load128(K));
    v128.store(K, reversed(product));
  }
}

/** Makes the tables of the element at K. */
function fill(tables: usize): void {
  const kLow = bswap<u64>(load<u64>(K, 8)), kHigh = bswap<u64>(load<u64>(K));
  for (let nibble: u64 = 0; nibble < 16; nibble++) {
    let low: u64 = 0, high: u64 = 0, powerLow = kLow, powerHigh = kHigh;
    // Of a product by x, what leaves at the top comes in as x^7 + x^2 + x + 1.
    for (let bit: u64 = 0; bit < 4; bit++) {
      const chosen: u64 = 0 - (nibble >> bit & 1), top: u64 = 0 - (powerHigh >> 63);
      low ^= powerLow & chosen;
      high ^= powerHigh & chosen;
      powerHigh = powerHigh << 1 | powerLow >> 63;
      powerLow = powerLow << 1 ^ (top & 0x87);
    }
    storeBytes(tables + (nibble as usize), low, high);
    for (let bit = 0; bit < 4; bit++) {
      const top: u64 = 0 - (high >> 63);
      high = high << 1 | low >> 63;
      low = low << 1 ^ (top & 0x87);
    }
    storeBytes(tables + 16 + (nibble as usize), low, high);
  }
}

/** Writes an element's bytes into tables. */
function storeBytes(at: usize, low: u64, high: u64): void {
  for (let byte: usize = 0; byte < 8; byte++) {
    store<u8>(at + 32 * byte, (low >> (8 * byte as u64)) as u8);
    store<u8>(at + 32 * byte + 256, (high >> (8 * byte as u64)) as u8);
  }
}

/** An element with its lowest byte first. */
function load128(at: usize): v128 {
  return reversed(v128.load(at));
}

function reversed(element: v128): v128 {
  return i8x16.shuffle(element, element, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
}

/** The upper of two vectors as numbers of 32 bytes, times 256. */
function shifted(low: v128, high: v128): v128 {
  return i8x16.shuffle(low, high, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
}

/** Byte d of the products of a power of k with each byte of a block, given by its halves; the tables begin at `at`. */
function products(at: usize, lower: v128, upper: v128): v128 {
  return v128.xor(
    i8x16.relaxed_swizzle(v128.load(at), lower),
    i8x16.relaxed_swizzle(v128.load(at, 16), upper),
  );
}

/** A number of 32 bytes modulo x^128 + x^7 + x^2 + x + 1. Its highest byte is zero, so that nothing leaves at the top again. */
function reduced(low: v128, high: v128): v128 {
  const carry = v128.xor(v128.xor(i64x2.shr_u(high, 63), i64x2.shr_u(high, 62)), i64x2.shr_u(high, 57));
  const folded = v128.xor(v128.xor(high, i64x2.shl(high, 1)), v128.xor(i64x2.shl(high, 2), i64x2.shl(high, 7)));
  const carried = i8x16.shuffle(i64x2.splat(0), carry, 0, 0, 0, 0, 0, 0, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23);
  return v128.xor(v128.xor(low, folded), carried);
}

/** The last product. */
let product: v128 = i64x2.splat(0);

/** Multiplies an element by k. */
function multiply(element: v128): void {
  const zero = i64x2.splat(0), nibble = i8x16.splat(15);
  const lower = v128.and(element, nibble), upper = v128.and(i16x8.shr_u(element, 4), nibble);
  let low = zero, high = zero;
  for (let at = TABLES + 480; at >= TABLES; at -= 32) {
    high = shifted(low, high);
    low = v128.xor(shifted(zero, low), products(at, lower, upper));
  }
  product = reduced(low, high);
}

/** Byte d of the products of two blocks with a power of k and the next one; `at` as for `products`. */
function twoProducts(at: usize, a1: v128, a2: v128, b1: v128, b2: v128): v128 {
  return v128.xor(products(at, a1, a2), products(at + TABLES_LENGTH, b1, b2));
}

/** The lower of two vectors as numbers of 32 bytes, times 256, and byte d of four products. */
function next(low: v128, ab: v128, cd: v128): v128 {
  // As a tree, so that little waits for the sum so far.
  return v128.xor(shifted(i64x2.splat(0), low), v128.xor(ab, cd));
}

/**
 * Computes m1 k + m2 k^2 + ... for four times as many blocks as groups. Of a group, the products by k, k^2, k^3 and k^4 are
 * added before they are put together from their bytes and reduced.
 *
 * A loop over the tables takes 1.1 times as long, and 1.4 times on a busy machine.
 */
function sumOf(blocks: usize, groups: usize): v128 {
  const zero = i64x2.splat(0), nibble = i8x16.splat(15);
  let sum = zero;
  for (let at = blocks + 64 * groups; at > blocks;) {
    at -= 64;
    const a = load128(at), b = load128(at + 16), c = load128(at + 32), d = v128.xor(load128(at + 48), sum);
    const a1 = v128.and(a, nibble), a2 = v128.and(i16x8.shr_u(a, 4), nibble);
    const b1 = v128.and(b, nibble), b2 = v128.and(i16x8.shr_u(b, 4), nibble);
    const c1 = v128.and(c, nibble), c2 = v128.and(i16x8.shr_u(c, 4), nibble);
    const d1 = v128.and(d, nibble), d2 = v128.and(i16x8.shr_u(d, 4), nibble);
    let low = v128.xor(twoProducts(TABLES + 480, a1, a2, b1, b2), twoProducts(TABLES + 1504, c1, c2, d1, d2));
    let high = zero;
    high = shifted(low, high);
    low = next(low, twoProducts(TABLES + 448, a1, a2, b1, b2), twoProducts(TABLES + 1472, c1, c2, d1, d2));
    high = shifted(low, high);
    low = next(low, twoProducts(TABLES + 416, a1, a2, b1, b2), twoProducts(TABLES + 1440, c1, c2, d1, d2));
    high = shifted(low, high);
    low = next(low, twoProducts(TABLES + 384, a1, a2, b1, b2), twoProducts(TABLES + 1408, c1, c2, d1, d2));
    high = shifted(low, high);
    low = next(low, twoProducts(TABLES + 352, a1, a2, b1, b2), twoProducts(TABLES + 1376, c1, c2, d1, d2));
    high = shifted(low, high);
    low = next(low, twoProducts(TABLES + 320, a1, a2, b1, b2), twoProducts(TABLES + 1344, c1, c2, d1, d2));
    high = shifted(low, high);
    low = next(low, twoProducts(TABLES + 288, a1, a2, b1, b2), twoProducts(TABLES + 1312, c1, c2, d1, d2));
    high = shifted(low, high);
    low = next(low, twoProducts(TABLES + 256, a1, a2, b1, b2), twoProducts(TABLES + 1280, c1, c2, d1, d2));
    high = shifted(low, high);
    low = next(low, twoProducts(TABLES + 224, a1, a2, b1, b2), twoProducts(TABLES + 1248, c1, c2, d1, d2));
    high = shifted(low, high);
    low = next(low, twoProducts(TABLES + 192, a1, a2, b1, b2), twoProducts(TABLES + 1216, c1, c2, d1, d2));
    high = shifted(low, high);
    low = next(low, twoProducts(TABLES + 160, a1, a2, b1, b2), twoProducts(TABLES + 1184, c1, c2, d1, d2));
    high = shifted(low, high);
    low = next(low, twoProducts(TABLES + 128, a1, a2, b1, b2), twoProducts(TABLES + 1152, c1, c2, d1, d2));
    high = shifted(low, high);
    low = next(low, twoProducts(TABLES + 96, a1, a2, b1, b2), twoProducts(TABLES + 1120, c1, c2, d1, d2));
    high = shifted(low, high);
    low = next(low, twoProducts(TABLES + 64, a1, a2, b1, b2), twoProducts(TABLES + 1088, c1, c2, d1, d2));
    high = shifted(low, high);
    low = next(low, twoProducts(TABLES + 32, a1, a2, b1, b2), twoProducts(TABLES + 1056, c1, c2, d1, d2));
    high = shifted(low, high);
    low = next(low, twoProducts(TABLES, a1, a2, b1, b2), twoProducts(TABLES + 1024, c1, c2, d1, d2));
    sum = reduced(low, high);
  }
  return reversed(sum);
}

/**
 * The tag of a message of `length` bytes, in whose place m1 is left: with this, the blocks behind it are where they belong.
 * Up to 64 bytes behind the message are overwritten by zeros.
 */
function tagOf(message: usize, length: usize, sequenceHigh: u32, sequenceLow: u32): v128 {
  store<u32>(message, 0);
  store<u32>(message, bswap<u32>((length - 16) as u32), 4);
  store<u32>(message, bswap<u32>(sequenceHigh), 8);
  store<u32>(message, bswap<u32>(sequenceLow), 12);
  const zero = i64x2.splat(0), end = message + length;
  v128.store(end, zero);
  v128.store(end, zero, 16);
  v128.store(end, zero, 32);
  v128.store(end, zero, 48);
  return sumOf(message, length + 63 >> 6);
}

/** Writes the tag of a message into it. */
export function write(message: usize, length: usize, sequenceHigh: u32, sequenceLow: u32): void {
  v128.store(message, tagOf(message, length, sequenceHigh, sequenceLow));
}

/** Compares the tag of a message with the one in it, all bytes at once; m1 is left in its place. @returns 1 or 0. */
export function check(message: usize, length: usize, sequenceHigh: u32, sequenceLow: u32): i32 {
  const tag = v128.load(message);
  return !v128.any_true(v128.xor(tag, tagOf(message, length, sequenceHigh, sequenceLow))) as i32;
}

/** Adds a share to another one. Up to 15 bytes behind that are overwritten. */
export function add(into: usize, share: usize, length: usize): void {
  for (let at: usize = 0; at < length; at += 16) {
    v128.store(into + at, v128.xor(v128.load(into + at), v128.load(share + at)));
  }
}

/** Adds two shares to another one. Up to 15 bytes behind that are overwritten. */
export function addTwo(into: usize, share: usize, share2: usize, length: usize): void {
  for (let at: usize = 0; at < length; at += 16) {
    const sum = v128.xor(v128.load(share + at), v128.load(share2 + at));
    v128.store(into + at, v128.xor(v128.load(into + at), sum));
  }
}
