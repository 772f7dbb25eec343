import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  chiSquare,
  countBytes,
  entropy,
  expectedOfNoise,
  gzipLength,
  longestRun,
  measure,
} from "../../src/demo/measure.ts";
import { forSeeds, Random } from "../support/random/random.ts";

const MILLION = 1_000_000;
const each = Uint8Array.from({ length: 256 }, (_, index) => index);
const text = new TextEncoder().encode("abcabd");

/** Reference for {@linkcode longestRun}, by brute force. */
function longestRunByHand(bytes: Uint8Array, text: Uint8Array): number {
  let longest = 0;
  for (let start = 0; start < bytes.length; start++) {
    for (let place = 0; place < text.length; place++) {
      let length = 0;
      while (start + length < bytes.length && bytes[start + length] === text[(place + length) % text.length]) length++;
      longest = Math.max(longest, length);
    }
  }
  return longest;
}

Deno.test("entropy is 0 bits for a constant byte, 1 for two equally frequent ones, 8 for all 256", () => {
  const entropyOf = (bytes: Uint8Array) => entropy(countBytes(bytes), bytes.length);
  assertEquals(entropyOf(new Uint8Array(1000)), 0);
  assertEquals(entropyOf(Uint8Array.of(7, 9, 9, 7)), 1);
  assertEquals(entropyOf(each), 8);
});

Deno.test("chi-square is 0 for an even distribution, and 255 times the length for a single byte", () => {
  const chiSquareOf = (bytes: Uint8Array) => chiSquare(countBytes(bytes), bytes.length);
  assertEquals(chiSquareOf(each), 0);
  assertEquals(chiSquareOf(new Uint8Array(512)), 255 * 512);
});

Deno.test("gzip shrinks zeros and expands noise", async () => {
  assert(await gzipLength(new Uint8Array(10_000)) < 100);
  assert(await gzipLength(new Random(1).bytes(10_000)) > 10_000);
});

Deno.test("the longest run is found at the start, in the middle and at the end", () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  assertEquals(longestRun(encode("abca--"), text), 4);
  assertEquals(longestRun(encode("--cab--ab"), text), 3);
  assertEquals(longestRun(encode("--ab-cabd"), text), 4);
});

Deno.test("the longest run continues from the text's end to its start", () => {
  assertEquals(longestRun(new TextEncoder().encode("bdabcabdab"), text), 10);
});

Deno.test("the longest run is 0 without a common byte, without bytes, and without a text", () => {
  assertEquals(longestRun(new TextEncoder().encode("xyz"), text), 0);
  assertEquals(longestRun(new Uint8Array(0), text), 0);
  assertEquals(longestRun(text, new Uint8Array(0)), 0);
});

Deno.test("the longest run agrees with brute force", () =>
  forSeeds(300, (random) => {
    const some = (length: number) => Uint8Array.from({ length }, () => random.below(3));
    const [bytes, text] = [some(random.below(60)), some(random.between(1, 12))];
    assertEquals(longestRun(bytes, text), longestRunByHand(bytes, text), `${bytes} in ${text}`);
  }));

Deno.test("a text interrupted by other bytes is searched in less than quadratic time", () => {
  // Without bounds on repeated comparisons, this takes minutes.
  const bytes = new Uint8Array(MILLION);
  for (let index = 0; index < MILLION; index++) bytes[index] = text[index % text.length]!;
  for (let index = 0; index < MILLION; index += 40_000) bytes.fill(0, index, index + 4);
  assertEquals(longestRun(bytes, text), 40_000 - 4);
});

Deno.test("measures of noise are as expected", async () => {
  const measures = await measure(new Random(1).bytes(MILLION), text);
  const expected = expectedOfNoise(MILLION, text.length);
  assertAlmostEquals(measures.entropy, expected.entropy, 0.0001);
  assertAlmostEquals(measures.chiSquare, expected.chiSquare, 100);
  assertAlmostEquals(measures.gzip, expected.gzip, 0.001);
  assertAlmostEquals(measures.run, expected.run, 2);
});
