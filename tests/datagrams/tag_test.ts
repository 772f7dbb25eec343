import { assert, assertEquals, assertThrows } from "@std/assert";
import vectors from "../../docs/vectors.json" with { type: "json" };
import { datagramTagSlowly } from "../../scripts/vectors/datagrams.ts";
import { multiply, toElement, toInteger } from "../../scripts/vectors/sealing.ts";
import { fromShortHex } from "../../scripts/vectors/vector.ts";
import { MAX_MESSAGE, TagKey } from "../../src/datagrams/tag.ts";
import { concat } from "../../src/wire/concat.ts";
import { forSeeds, Random } from "../support/random/random.ts";

function tagOf(k: Uint8Array, sequence: number, tagged: Uint8Array): Uint8Array {
  return tagBy(new TagKey(k), sequence, tagged);
}

/** The tag of a message, which lies at some offset and is otherwise left as it is. */
function tagBy(key: TagKey, sequence: number, tagged: Uint8Array): Uint8Array {
  const message = concat([new Uint8Array(19), tagged]).subarray(3);
  key.write(sequence, message);
  assertEquals(message.subarray(16), tagged);
  return message.slice(0, 16);
}

for (const { name, k, sequence, tagged, tag } of vectors.datagramTag) {
  Deno.test(`datagram tag vector: ${name}`, () => {
    assertEquals(tagOf(Uint8Array.fromHex(k), sequence, fromShortHex(tagged)).toHex(), tag);
  });
}

Deno.test("a tag is the polynomial that integers make of it: all lengths around blocks, offsets, sequence numbers", async () => {
  await forSeeds(300, (random) => {
    const k = random.bytes(16), tagged = random.bytes(2 + random.below(100)).subarray(random.below(3));
    const sequence = random.below(2 ** 31) * 2 ** random.below(18);
    assertEquals(tagOf(k, sequence, tagged), datagramTagSlowly(k, sequence, tagged));
  });
});

Deno.test("powers of x multiply by adding their exponents", () => {
  for (let i = 0; i < 128; i++) {
    const k = 1n << BigInt(i), key = new TagKey(toElement(k));
    for (let j = 0; j < 128; j++) {
      // Of two blocks, the first one's product is taken off.
      const rest = toInteger(tagBy(key, 0, toElement(1n << BigInt(j)))) ^ multiply(16n << 64n, k);
      assertEquals(rest, multiply(multiply(k, k), 1n << BigInt(j)), `${i} ${j}`);
    }
  }
});

Deno.test("keys that take turns do not mix, and leave nothing of each other", () => {
  const random = new Random(1), keys = [random.bytes(16), random.bytes(16)] as const;
  const made = keys.map((key) => new TagKey(key));
  for (const length of [200, 3, 64, 0, 17]) {
    for (const [index, key] of keys.entries()) {
      const tagged = random.bytes(length);
      assertEquals(tagBy(made[index]!, 5, tagged), datagramTagSlowly(key, 5, tagged));
    }
  }
});

Deno.test("check takes the right tag, and none with a bit flipped, nor another number or length", () => {
  const random = new Random(2), key = new TagKey(random.bytes(16)), message = random.bytes(66);
  key.write(9, message);
  assert(key.check(9, message));
  for (let bit = 0; bit < 8 * message.length; bit++) {
    const copy = message.slice();
    copy[bit >> 3]! ^= 1 << (bit & 7);
    assert(!key.check(9, copy), `bit ${bit}`);
  }
  for (let bit = 0; bit < 48; bit++) assert(!key.check(9 + 2 ** bit, message));
  assert(!key.check(9, message.subarray(0, 65)));
  assert(!key.check(9, concat([message, [0]])));
});

Deno.test("a message that is too long, or has no room for a tag, is refused", () => {
  const key = new TagKey(new Uint8Array(16));
  key.write(0, new Uint8Array(MAX_MESSAGE));
  for (const length of [0, 15, MAX_MESSAGE + 1]) assertThrows(() => key.write(0, new Uint8Array(length)), RangeError);
});
