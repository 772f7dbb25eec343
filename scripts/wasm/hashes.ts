/**
 * The hash and the tag of records in AssemblyScript; main.ts builds src/records/hashes_wasm.ts from it.
 *
 * No branch and no address depends on a key or a message, only on the message's length. The caller writes inputs to the
 * memory and reads results from it, at the addresses below, which src/records/hashes.ts repeats.
 *
 * @module
 */

/** Poly1305's key: r 16, s 16; little-endian. */
const KEY: usize = 0;

/** Poly1305's result, 16 bytes. */
const HASH: usize = 32;

/** The tag's key k, 16 bytes; big-endian, like the blocks and the tag. */
const K: usize = 48;

/** The tag's blocks m1 and m2, 16 bytes each. */
const BLOCKS: usize = 64;

/** The tag, 16 bytes. */
const TAG: usize = 96;

/** Poly1305's message, and up to 16 bytes of padding behind it. */
const MESSAGE: usize = 112;

/** The accumulator modulo 2^130 - 5, in limbs of 32 bits and some more. */
let h0: u64, h1: u64, h2: u64, h3: u64, h4: u64;

/**
 * Poly1305 (RFC 8439, section 2.5): hashes `length` bytes at MESSAGE.
 *
 * SIMD does not pay: two lanes of five limbs of 26 bits, four blocks a step, reached 1.6 GB/s where this does 1.9.
 */
export function poly1305(length: usize): void {
  h0 =
    h1 =
    h2 =
    h3 =
    h4 =
      0;
  const end = MESSAGE + length, last = MESSAGE + (length & ~15);
  addBlocks(MESSAGE, last, 1);
  if (last < end) {
    store<u8>(end, 1);
    for (let pad = end + 1; pad < last + 16; pad++) store<u8>(pad, 0);
    addBlocks(last, last + 16, 0);
  }
  writeHash();
}

/**
 * h = (h + block) r for each block from `at` to `end`; `top` is each block's bit 128.
 *
 * r's limbs are below 2^28 and all but the lowest are multiples of 4, by clamping. So 2^128 times one of them is a quarter
 * of it times 2^130, which is 5. With limbs of h below 2^33, but the lowest below 2^34, each sum is below 2^64.
 */
function addBlocks(at: usize, end: usize, top: u64): void {
  const r0 = (load<u32>(KEY) & 0x0fffffff) as u64, r1 = (load<u32>(KEY, 4) & 0x0ffffffc) as u64;
  const r2 = (load<u32>(KEY, 8) & 0x0ffffffc) as u64, r3 = (load<u32>(KEY, 12) & 0x0ffffffc) as u64;
  const s1 = r1 + (r1 >> 2), s2 = r2 + (r2 >> 2), s3 = r3 + (r3 >> 2);
  let a0 = h0, a1 = h1, a2 = h2, a3 = h3, a4 = h4;
  for (; at < end; at += 16) {
    a0 += load<u32>(at) as u64;
    a1 += load<u32>(at, 4) as u64;
    a2 += load<u32>(at, 8) as u64;
    a3 += load<u32>(at, 12) as u64;
    a4 += top;
    const d0 = a0 * r0 + a1 * s3 + a2 * s2 + a3 * s1;
    const d1 = a0 * r1 + a1 * r0 + a2 * s3 + a3 * s2 + a4 * s1 + (d0 >> 32);
    const d2 = a0 * r2 + a1 * r1 + a2 * r0 + a3 * s3 + a4 * s2 + (d1 >> 32);
    const d3 = a0 * r3 + a1 * r2 + a2 * r1 + a3 * r0 + a4 * s3 + (d2 >> 32);
    a4 = a4 * r0 + (d3 >> 32);
    a0 = (d0 & 0xffffffff) + (a4 >> 2) + (a4 & ~3);
    a1 = d1 & 0xffffffff;
    a2 = d2 & 0xffffffff;
    a3 = d3 & 0xffffffff;
    a4 &= 3;
  }
  h0 = a0, h1 = a1, h2 = a2, h3 = a3, h4 = a4;
}

/** Writes h modulo 2^130 - 5, plus s, modulo 2^128. */
function writeHash(): void {
  // h is below 2 (2^130 - 5): one subtraction is due from 2^130 - 5 on, which is where h + 5 has bit 130.
  let carry = h0 + 5;
  carry = h1 + (carry >> 32);
  carry = h2 + (carry >> 32);
  carry = h3 + (carry >> 32);
  carry = h4 + (carry >> 32);
  let sum = h0 + (carry >> 2) * 5 + (load<u32>(KEY, 16) as u64);
  store<u32>(HASH, sum as u32);
  sum = h1 + (load<u32>(KEY, 20) as u64) + (sum >> 32);
  store<u32>(HASH, sum as u32, 4);
  sum = h2 + (load<u32>(KEY, 24) as u64) + (sum >> 32);
  store<u32>(HASH, sum as u32, 8);
  sum = h3 + (load<u32>(KEY, 28) as u64) + (sum >> 32);
  store<u32>(HASH, sum as u32, 12);
}

/** The product of two polynomials over GF(2) of 32 bits each, by integers whose every fourth bit alone is used. */
function multiply32(a: u64, b: u64): u64 {
  const a0 = a & 0x11111111, a1 = a & 0x22222222, a2 = a & 0x44444444, a3 = a & 0x88888888;
  const b0 = b & 0x11111111, b1 = b & 0x22222222, b2 = b & 0x44444444, b3 = b & 0x88888888;
  // At most 8 products meet at a bit, and the three bits above it have room for their sum.
  return (a0 * b0 ^ a1 * b3 ^ a2 * b2 ^ a3 * b1) & 0x1111111111111111 |
    (a0 * b1 ^ a1 * b0 ^ a2 * b3 ^ a3 * b2) & 0x2222222222222222 |
    (a0 * b2 ^ a1 * b1 ^ a2 * b0 ^ a3 * b3) & 0x4444444444444444 |
    (a0 * b3 ^ a1 * b2 ^ a2 * b1 ^ a3 * b0) & 0x8888888888888888;
}

/** The halves of the last product of 64 bits each. */
let productLow: u64, productHigh: u64;

/** Multiplies polynomials of 64 bits each, by Karatsuba's three products of halves. */
function multiply64(a: u64, b: u64): void {
  const aLow = a & 0xffffffff, aHigh = a >> 32, bLow = b & 0xffffffff, bHigh = b >> 32;
  const low = multiply32(aLow, bLow), high = multiply32(aHigh, bHigh);
  const middle = multiply32(aLow ^ aHigh, bLow ^ bHigh) ^ low ^ high;
  productLow = low ^ middle << 32;
  productHigh = high ^ middle >> 32;
}

/** An element of GF(2^128): the coefficients of x^0 to x^63, and those above. */
let low: u64, high: u64;

/** element = (element + block) k, modulo x^128 + x^7 + x^2 + x + 1. */
function addElement(block: usize): void {
  const kLow = bigEndian(K + 8), kHigh = bigEndian(K);
  low ^= bigEndian(block + 8);
  high ^= bigEndian(block);
  multiply64(low, kLow);
  const p0 = productLow, p1 = productHigh;
  multiply64(high, kHigh);
  const p2 = productLow, p3 = productHigh;
  multiply64(low ^ high, kLow ^ kHigh);
  const middleLow = productLow ^ p0 ^ p2, middleHigh = productHigh ^ p1 ^ p3;
  // x^128 is x^7 + x^2 + x + 1: that times the upper half, whose own excess, 7 bits, goes round once more.
  const top = p3, rest = p2 ^ middleHigh ^ top >> 57 ^ top >> 62 ^ top >> 63;
  low = p0 ^ rest ^ rest << 1 ^ rest << 2 ^ rest << 7;
  high = p1 ^ middleLow ^ top ^ (top << 1 | rest >> 63) ^ (top << 2 | rest >> 62) ^ (top << 7 | rest >> 57);
}

function bigEndian(at: usize): u64 {
  return bswap<u64>(load<u64>(at));
}

/** Computes m1 k + m2 k^2. */
export function tag(): void {
  low = high = 0;
  addElement(BLOCKS + 16);
  addElement(BLOCKS);
  store<u64>(TAG, bswap<u64>(high));
  store<u64>(TAG, bswap<u64>(low), 8);
}
