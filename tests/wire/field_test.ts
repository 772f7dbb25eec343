import { assertEquals, assertNotEquals } from "@std/assert";
import { evaluate } from "../../src/wire/field.ts";
import { concat } from "../../src/wire/concat.ts";
import { forSeeds } from "../support/random/random.ts";
import { evaluateSlowly, toElement } from "../support/wire/reference.ts";

const ZERO = toElement(0n), ONE = toElement(1n);

/** x^exponent. */
function power(exponent: number): Uint8Array {
  return toElement(1n << BigInt(exponent));
}

function add(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, index) => byte ^ b[index]!);
}

Deno.test("multiplication is commutative, associative and distributive, with one and zero as neutral and absorbing elements", async () => {
  await forSeeds(300, (random) => {
    const a = random.bytes(16), b = random.bytes(16), c = random.bytes(16);
    assertEquals(evaluate(a, b), evaluate(b, a), "commutes");
    assertEquals(evaluate(evaluate(a, b), c), evaluate(a, evaluate(b, c)), "associates");
    assertEquals(evaluate(add(a, b), c), add(evaluate(a, c), evaluate(b, c)), "distributes");
    assertEquals(evaluate(a, ONE), a);
    assertEquals(evaluate(ONE, a), a);
    assertEquals(evaluate(a, ZERO), ZERO);
    assertEquals(evaluate(ZERO, a), ZERO);
  });
});

Deno.test("every element but zero has an inverse: its power of 2^128 - 2", async () => {
  await forSeeds(5, (random) => {
    const a = random.bytes(16);
    let square: Uint8Array = a, inverse = ONE;
    for (let i = 1; i < 128; i++) {
      square = evaluate(square, square);
      inverse = evaluate(inverse, square);
    }
    assertEquals(evaluate(a, inverse), ONE);
  });
});

Deno.test("powers of x multiply by adding their exponents, modulo x^128 + x^7 + x^2 + x + 1", () => {
  for (let i = 0; i < 128; i++) {
    for (let j = 0; j < 128; j++) {
      const sum = i + j;
      const expected = sum < 128 ? power(sum) : evaluate(toElement(0x87n), power(sum - 128));
      assertEquals(evaluate(power(i), power(j)), expected, `x^${i} times x^${j}`);
    }
  }
  assertEquals(evaluate(power(127), power(1)), toElement(0x87n));
  assertEquals(evaluate(power(127), power(2)), toElement(0x10en));
});

Deno.test("evaluation agrees with arithmetic on big integers, at any offset", async () => {
  await forSeeds(80, (random) => {
    const count = random.pick([1, 2, 3, 4, 7, 20]), key = random.bytes(16);
    const blocks = Array.from({ length: count }, () => random.bytes(16));
    const expected = evaluateSlowly(blocks, key);
    const shifted = (bytes: Uint8Array): Uint8Array =>
      concat([random.bytes(5), bytes, random.bytes(3)]).subarray(5, -3);
    assertEquals(evaluate(shifted(concat(blocks)), shifted(key)), expected);
  });
});

Deno.test("blocks of all zeros and all ones evaluate as with big integers", () => {
  const ones = new Uint8Array(16).fill(255);
  for (const key of [ZERO, ONE, ones]) {
    for (const first of [ZERO, ones]) {
      for (const second of [ZERO, ones]) {
        assertEquals(evaluate(concat([first, second]), key), evaluateSlowly([first, second], key));
      }
    }
  }
});

Deno.test("evaluation changes neither message nor key", async () => {
  await forSeeds(5, (random) => {
    const message = random.bytes(48), key = random.bytes(16), before = [message.slice(), key.slice()];
    evaluate(message, key);
    assertEquals([message, key], before);
  });
});

Deno.test("the order of blocks matters", async () => {
  await forSeeds(5, (random) => {
    const a = random.bytes(16), b = random.bytes(16), key = random.bytes(16);
    assertNotEquals(evaluate(concat([a, b]), key), evaluate(concat([b, a]), key));
  });
});

/** Reverses an element's bits: GCM's order into ours, and back. */
function reversed(bytes: Uint8Array): Uint8Array {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return toElement(BigInt(`0b${[...bits].reverse().join("")}`));
}

/** AES of one block, out of the first block of AES-CBC. */
async function aes(key: Uint8Array<ArrayBuffer>, block: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const imported = await crypto.subtle.importKey("raw", key, "AES-CBC", false, ["encrypt"]);
  const encrypted = await crypto.subtle.encrypt({ name: "AES-CBC", iv: block }, imported, new Uint8Array(16));
  return new Uint8Array(encrypted, 0, 16);
}

Deno.test("the field is GCM's: evaluation reproduces the tags of the runtime's AES-GCM", async () => {
  await forSeeds(10, async (random) => {
    const key = random.bytes(16), iv = random.bytes(12), plain = random.bytes(random.below(100));
    const imported = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
    const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, imported, plain));
    const cipher = sealed.subarray(0, plain.length), tag = sealed.subarray(plain.length);

    const padded = new Uint8Array(Math.ceil(plain.length / 16) * 16);
    padded.set(cipher);
    const blocks = [toElement(BigInt(plain.length * 8))];
    // GHASH gives its first block the highest power.
    for (let at = padded.length - 16; at >= 0; at -= 16) blocks.push(padded.subarray(at, at + 16));
    const h = reversed(await aes(key, new Uint8Array(16)));
    const hash = reversed(evaluate(concat(blocks.map(reversed)), h));
    assertEquals(add(hash, await aes(key, concat([iv, Uint8Array.of(0, 0, 0, 1)]))), tag);
  });
});
