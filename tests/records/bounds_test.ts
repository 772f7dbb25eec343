/**
 * The counts in the proof of docs/SECURITY.md, over small fields, where every key and every pattern can be tried: the
 * field of 16 elements in the place of GF(2^128), and 61 = 2^6 - 3 in the place of 2^130 - 5, with blocks of 4 bits and
 * hashes modulo 2^4.
 */
import { assert, assertEquals } from "@std/assert";

const SIZE = 16;

/** A product in the field of 16 elements, modulo x^4 + x + 1. */
function times(a: number, b: number): number {
  let product = 0;
  for (let i = 0; i < 4; i++) if (b >> i & 1) product ^= a << i;
  for (let i = 6; i >= 4; i--) if (product >> i & 1) product ^= 0b10011 << (i - 4);
  return product;
}

/** m1 k + m2 k^2. */
function tag(k: number, m1: number, m2: number): number {
  return times(m1, k) ^ times(m2, times(k, k));
}

const elements = Array.from({ length: SIZE }, (_, element) => element);

/** All triples of elements but zeros alone. */
function* patterns(): Generator<[number, number, number]> {
  for (let pattern = 1; pattern < SIZE ** 3; pattern++) yield [pattern >> 8, pattern >> 4 & 15, pattern & 15];
}

Deno.test("any pattern in KEY passes for at most one in so many keys as the field has elements", () => {
  let most = 0;
  for (const [a, f, c] of patterns()) {
    let passed = 0;
    for (const k of elements) {
      for (const rho of elements) if ((tag(k, 0, rho) ^ c) === tag(k ^ a, 0, rho ^ f)) passed++;
    }
    most = Math.max(most, passed);
  }
  // Of SIZE^2 keys; the bound is reached.
  assertEquals(most, SIZE);
});

Deno.test("any pattern in a head passes for at most two values of k, whatever the head", () => {
  let most = 0;
  for (const [d, f, c] of patterns()) {
    for (const [m1, h] of [[0, 0], [5, 9], [15, 15]] as const) {
      const passed = elements.filter((k) => (tag(k, m1, h) ^ c) === tag(k, m1 ^ d, h ^ f)).length;
      most = Math.max(most, passed);
    }
  }
  assertEquals(most, 2);
});

Deno.test("a mask would let a pattern pass for all keys; without masks none does", () => {
  const always = [...patterns()].filter(([d, f, c]) => elements.every((k) => c === tag(k, d, f)));
  assertEquals(always, []);
  // With mask r and tag r + m1 k + h k^2, the same flip in r and in the tag changes nothing.
  for (const k of elements) for (const r of elements) assertEquals((r ^ tag(k, 3, 7)) ^ 1, (r ^ 1) ^ tag(k, 3, 7));
});

const P = 61, BLOCK = 16, HASHES = 16;

function hash(r: number, blocks: readonly number[]): number {
  return blocks.reduce((sum, block) => (sum + block + BLOCK) * r % P, 0) % HASHES;
}

for (const count of [1, 2]) {
  Deno.test(`two bodies of ${count} block(s) have the same hash for at most ${7 * count} values of r`, () => {
    const bodies = Array.from({ length: BLOCK ** count }, (_, body) => count === 1 ? [body] : [body >> 4, body & 15]);
    const hashes = bodies.map((body) => Array.from({ length: P }, (_, r) => hash(r, body)));
    let most = 0;
    for (const [index, one] of hashes.entries()) {
      for (const other of hashes.slice(0, index)) {
        most = Math.max(most, one.filter((value, r) => value === other[r]).length);
      }
    }
    assert(most <= 7 * count, `${most}`);
    // The bound is not far from what there is.
    assert(most > 3 * count, `${most}`);
  });
}
