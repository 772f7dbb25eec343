import { assertEquals, assertNotEquals } from "@std/assert";
import { headTag } from "../../src/records/hashes.ts";
import { multiply, tagSlowly, toElement, toInteger } from "../../scripts/vectors/sealing.ts";
import { forSeeds, Random } from "../support/random/random.ts";

function tagOf(k: Uint8Array, length: number, number: number, hash: Uint8Array): Uint8Array {
  const tag = new Uint8Array(16);
  headTag(k, length, number, hash, tag);
  return tag;
}

const ZERO = toElement(0n), ONES = new Uint8Array(16).fill(255);

Deno.test("a head's tag is the polynomial that integers of any size make of it, whatever the offsets", async () => {
  await forSeeds(500, (random) => {
    const at = (bytes: Uint8Array): Uint8Array => {
      const shifted = random.bytes(40), offset = random.below(20);
      shifted.set(bytes, offset);
      return shifted.subarray(offset, offset + 16);
    };
    const k = at(random.bytes(16)), hash = at(random.bytes(16)), before = [k.slice(), hash.slice()];
    const length = random.below(2 ** 24), number = random.below(2 ** 31) * 2 ** random.below(22);
    assertEquals(tagOf(k, length, number, hash), tagSlowly(k, length, number, hash));
    assertEquals([k, hash], before);
  });
});

Deno.test("lengths and numbers stand in the tag at their limits", () => {
  const random = new Random(1), k = random.bytes(16), hash = random.bytes(16);
  const lengths = [0, 1, 255, 256, 65_535, 65_536, 2 ** 24 - 1];
  const numbers = [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];
  const tags = lengths.flatMap((length) => numbers.map((number) => tagOf(k, length, number, hash).toHex()));
  assertEquals(tags, lengths.flatMap((length) => numbers.map((number) => tagSlowly(k, length, number, hash).toHex())));
  assertEquals(new Set(tags).size, tags.length);
});

Deno.test("KEY's tag is rho k^2: any powers of x multiply by adding their exponents", () => {
  for (let i = 0; i < 128; i++) {
    for (let j = 0; j < 128; j++) {
      const k = 1n << BigInt(i), rho = 1n << BigInt(j);
      assertEquals(tagOf(toElement(k), 0, 0, toElement(rho)), toElement(multiply(multiply(k, k), rho)), `${i} ${j}`);
    }
  }
});

Deno.test("elements of all zeros and all ones", () => {
  for (const k of [ZERO, toElement(1n), ONES]) {
    for (const hash of [ZERO, toElement(1n), ONES]) {
      for (const length of [0, 2 ** 24 - 1]) assertEquals(tagOf(k, length, 0, hash), tagSlowly(k, length, 0, hash));
    }
  }
});

Deno.test("a pattern that is added to a hash adds its product with k^2, whatever the hash", async () => {
  await forSeeds(50, (random) => {
    const k = random.bytes(16), one = random.bytes(16), other = random.bytes(16);
    const sum = one.map((byte, index) => byte ^ other[index]!);
    const difference = toInteger(tagOf(k, 9, 9, one)) ^ toInteger(tagOf(k, 9, 9, sum));
    assertEquals(toElement(difference), tagOf(k, 0, 0, other));
    assertNotEquals(difference, 0n);
  });
});
