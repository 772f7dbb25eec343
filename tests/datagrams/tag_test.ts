import { assert, assertEquals, assertThrows } from "@std/assert";
import vectors from "../../docs/vectors.json" with { type: "json" };
import { datagramTagSlowly } from "../../scripts/vectors/datagrams.ts";
import { multiply, toElement, toInteger } from "../../scripts/vectors/sealing.ts";
import { fromShortHex } from "../../scripts/vectors/vector.ts";
import { MAX_TAGGED, TagKey } from "../../src/datagrams/tag.ts";
import { forSeeds, Random } from "../support/random/random.ts";

function tagOf(k: Uint8Array, sequence: number, tagged: Uint8Array): Uint8Array {
  const tag = new Uint8Array(16);
  new TagKey(k).write(sequence, tagged, tag);
  return tag;
}

for (const { name, k, sequence, tagged, tag } of vectors.datagramTag) {
  Deno.test(`datagram tag vector: ${name}`, () => {
    assertEquals(tagOf(Uint8Array.fromHex(k), sequence, fromShortHex(tagged)).toHex(), tag);
  });
}

Deno.test("a tag is the polynomial that integers make of it: all lengths around blocks, offsets, sequence numbers", async () => {
  await forSeeds(300, (random) => {
    const k = random.bytes(16), tagged = random.bytes(2 + random.below(100)).subarray(random.below(3));
    const sequence = random.below(2 ** 31) * 2 ** random.below(18), before = tagged.slice();
    assertEquals(tagOf(k, sequence, tagged), datagramTagSlowly(k, sequence, tagged));
    assertEquals(tagged, before);
  });
});

Deno.test("powers of x multiply by adding their exponents", () => {
  for (let i = 0; i < 128; i++) {
    const k = 1n << BigInt(i), key = new TagKey(toElement(k)), tag = new Uint8Array(16);
    for (let j = 0; j < 128; j++) {
      // Of two blocks, the first one's product is taken off.
      key.write(0, toElement(1n << BigInt(j)), tag);
      const rest = toInteger(tag) ^ multiply(16n << 64n, k);
      assertEquals(rest, multiply(multiply(k, k), 1n << BigInt(j)), `${i} ${j}`);
    }
  }
});

Deno.test("keys that take turns do not mix, and leave nothing of each other", () => {
  const random = new Random(1), keys = [random.bytes(16), random.bytes(16)] as const;
  const made = keys.map((key) => new TagKey(key)), tag = new Uint8Array(16);
  for (const length of [200, 3, 64, 0, 17]) {
    for (const [index, key] of keys.entries()) {
      const tagged = random.bytes(length);
      made[index]!.write(5, tagged, tag);
      assertEquals(tag, datagramTagSlowly(key, 5, tagged));
    }
  }
});

Deno.test("check takes the right tag, and none with a bit flipped, nor another number, length or byte", () => {
  const random = new Random(2), key = new TagKey(random.bytes(16)), tagged = random.bytes(50), tag = new Uint8Array(16);
  key.write(9, tagged, tag);
  assert(key.check(9, tagged, tag));
  const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
    const copy = bytes.slice();
    copy[bit >> 3]! ^= 1 << (bit & 7);
    return copy;
  };
  for (let bit = 0; bit < 128; bit++) assert(!key.check(9, tagged, flipped(tag, bit)));
  for (let bit = 0; bit < 400; bit++) assert(!key.check(9, flipped(tagged, bit), tag));
  for (let bit = 0; bit < 48; bit++) assert(!key.check(9 + 2 ** bit, tagged, tag));
  assert(!key.check(9, tagged.subarray(0, 49), tag));
});

Deno.test("a message that is too long is refused", () => {
  const key = new TagKey(new Uint8Array(16)), tag = new Uint8Array(16);
  key.write(0, new Uint8Array(MAX_TAGGED), tag);
  assertThrows(() => key.write(0, new Uint8Array(MAX_TAGGED + 1), tag), RangeError);
});
