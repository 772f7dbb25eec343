/**
 * ChaCha20 in AssemblyScript; main.ts builds src/sharing/chacha20_wasm.ts from it.
 *
 * No branch and no address depends on a key or a message, only on the message's length. The caller writes inputs to the
 * memory and reads results from it, at the addresses below, which src/sharing/stream_cipher.ts repeats.
 *
 * @module
 */

/** The key, 32 bytes. */
const KEY: usize = 0;

/** The message, and room behind it up to a multiple of 256 bytes. */
const MESSAGE: usize = 64;

/** Bytes that one step handles: four blocks, one in each lane. */
const STEP: usize = 256;

/**
 * Encrypts `length` bytes at MESSAGE in place (RFC 8439, section 2.4), with block counters from 0 and a nonce of zeros. What
 * lies behind them, up to a multiple of 256 bytes, is changed, too.
 */
export function chacha20(length: usize): void {
  const s0 = v128.splat<u32>(0x61707865), s1 = v128.splat<u32>(0x3320646e);
  const s2 = v128.splat<u32>(0x79622d32), s3 = v128.splat<u32>(0x6b206574);
  const k0 = v128.splat<u32>(load<u32>(KEY, 0));
  const k1 = v128.splat<u32>(load<u32>(KEY, 4));
  const k2 = v128.splat<u32>(load<u32>(KEY, 8));
  const k3 = v128.splat<u32>(load<u32>(KEY, 12));
  const k4 = v128.splat<u32>(load<u32>(KEY, 16));
  const k5 = v128.splat<u32>(load<u32>(KEY, 20));
  const k6 = v128.splat<u32>(load<u32>(KEY, 24));
  const k7 = v128.splat<u32>(load<u32>(KEY, 28));
  const zero = v128.splat<u32>(0), four = v128.splat<u32>(4);
  let counters = i32x4(0, 1, 2, 3);
  for (let at = MESSAGE, end = MESSAGE + length; at < end; at += STEP) {
    let x0 = s0;
    let x1 = s1;
    let x2 = s2;
    let x3 = s3;
    let x4 = k0;
    let x5 = k1;
    let x6 = k2;
    let x7 = k3;
    let x8 = k4;
    let x9 = k5;
    let x10 = k6;
    let x11 = k7;
    let x12 = counters;
    let x13 = zero;
    let x14 = zero;
    let x15 = zero;
    for (let i = 0; i < 10; i++) {
      // Columns.
      x0 = i32x4.add(x0, x4), x12 = rotate16(v128.xor(x12, x0));
      x8 = i32x4.add(x8, x12), x4 = rotate(v128.xor(x4, x8), 12);
      x0 = i32x4.add(x0, x4), x12 = rotate8(v128.xor(x12, x0));
      x8 = i32x4.add(x8, x12), x4 = rotate(v128.xor(x4, x8), 7);
      x1 = i32x4.add(x1, x5), x13 = rotate16(v128.xor(x13, x1));
      x9 = i32x4.add(x9, x13), x5 = rotate(v128.xor(x5, x9), 12);
      x1 = i32x4.add(x1, x5), x13 = rotate8(v128.xor(x13, x1));
      x9 = i32x4.add(x9, x13), x5 = rotate(v128.xor(x5, x9), 7);
      x2 = i32x4.add(x2, x6), x14 = rotate16(v128.xor(x14, x2));
      x10 = i32x4.add(x10, x14), x6 = rotate(v128.xor(x6, x10), 12);
      x2 = i32x4.add(x2, x6), x14 = rotate8(v128.xor(x14, x2));
      x10 = i32x4.add(x10, x14), x6 = rotate(v128.xor(x6, x10), 7);
      x3 = i32x4.add(x3, x7), x15 = rotate16(v128.xor(x15, x3));
      x11 = i32x4.add(x11, x15), x7 = rotate(v128.xor(x7, x11), 12);
      x3 = i32x4.add(x3, x7), x15 = rotate8(v128.xor(x15, x3));
      x11 = i32x4.add(x11, x15), x7 = rotate(v128.xor(x7, x11), 7);
      // Diagonals.
      x0 = i32x4.add(x0, x5), x15 = rotate16(v128.xor(x15, x0));
      x10 = i32x4.add(x10, x15), x5 = rotate(v128.xor(x5, x10), 12);
      x0 = i32x4.add(x0, x5), x15 = rotate8(v128.xor(x15, x0));
      x10 = i32x4.add(x10, x15), x5 = rotate(v128.xor(x5, x10), 7);
      x1 = i32x4.add(x1, x6), x12 = rotate16(v128.xor(x12, x1));
      x11 = i32x4.add(x11, x12), x6 = rotate(v128.xor(x6, x11), 12);
      x1 = i32x4.add(x1, x6), x12 = rotate8(v128.xor(x12, x1));
      x11 = i32x4.add(x11, x12), x6 = rotate(v128.xor(x6, x11), 7);
      x2 = i32x4.add(x2, x7), x13 = rotate16(v128.xor(x13, x2));
      x8 = i32x4.add(x8, x13), x7 = rotate(v128.xor(x7, x8), 12);
      x2 = i32x4.add(x2, x7), x13 = rotate8(v128.xor(x13, x2));
      x8 = i32x4.add(x8, x13), x7 = rotate(v128.xor(x7, x8), 7);
      x3 = i32x4.add(x3, x4), x14 = rotate16(v128.xor(x14, x3));
      x9 = i32x4.add(x9, x14), x4 = rotate(v128.xor(x4, x9), 12);
      x3 = i32x4.add(x3, x4), x14 = rotate8(v128.xor(x14, x3));
      x9 = i32x4.add(x9, x14), x4 = rotate(v128.xor(x4, x9), 7);
    }
    addWords(at + 0, i32x4.add(x0, s0), i32x4.add(x1, s1), i32x4.add(x2, s2), i32x4.add(x3, s3));
    addWords(at + 16, i32x4.add(x4, k0), i32x4.add(x5, k1), i32x4.add(x6, k2), i32x4.add(x7, k3));
    addWords(at + 32, i32x4.add(x8, k4), i32x4.add(x9, k5), i32x4.add(x10, k6), i32x4.add(x11, k7));
    addWords(at + 48, i32x4.add(x12, counters), x13, x14, x15);
    counters = i32x4.add(counters, four);
  }
}

/** Adds four words of each of the four blocks, of which each lane has one, to the message. @param at The first block's. */
function addWords(at: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab = v128.shuffle<u32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<u32>(c, d, 0, 4, 1, 5);
  const abHigh = v128.shuffle<u32>(a, b, 2, 6, 3, 7), cdHigh = v128.shuffle<u32>(c, d, 2, 6, 3, 7);
  add(at, v128.shuffle<u64>(ab, cd, 0, 2));
  add(at + 64, v128.shuffle<u64>(ab, cd, 1, 3));
  add(at + 128, v128.shuffle<u64>(abHigh, cdHigh, 0, 2));
  add(at + 192, v128.shuffle<u64>(abHigh, cdHigh, 1, 3));
}

function add(at: usize, words: v128): void {
  v128.store(at, v128.xor(v128.load(at), words));
}

function rotate(words: v128, by: i32): v128 {
  return v128.or(i32x4.shl(words, by), i32x4.shr_u(words, 32 - by));
}

function rotate16(words: v128): v128 {
  return v128.shuffle<u16>(words, words, 1, 0, 3, 2, 5, 4, 7, 6);
}

function rotate8(words: v128): v128 {
  return v128.shuffle<u8>(words, words, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14);
}
