/** The vectors of docs/PROTOCOL.md 4.1 to 4.4, which scripts/vectors computes without the code of src. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import vectors from "../../docs/vectors.json" with { type: "json" };
import { multiply, toElement, toInteger } from "../../scripts/vectors/sealing.ts";
import { fromShortHex } from "../../scripts/vectors/vector.ts";
import { headTag, wasmPoly1305 } from "../../src/records/hashes.ts";
import { HASH_AT, RECORD_HEAD_LENGTH, TAG_AT } from "../../src/records/record.ts";
import { RecordEncoder } from "../../src/records/record_encoder.ts";
import { concat } from "../../src/wire/concat.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { receive, sealed } from "./direction.ts";

/** A program's random bytes, as the vectors have them: k, then rho. */
function keys(k: string, rho: string): (into: Uint8Array) => void {
  return (into) => into.set(Uint8Array.fromHex(k + rho));
}

Deno.test("products of elements are those of the vectors", () => {
  for (const { name, a, b, product } of vectors.product) {
    // A tag of length and number 0 is h k^2: with the square root of b for k it is a b.
    let root = toInteger(Uint8Array.fromHex(b));
    for (let squarings = 0; squarings < 127; squarings++) root = multiply(root, root);
    const computed = new Uint8Array(16);
    headTag(toElement(root), 0, 0, Uint8Array.fromHex(a), computed);
    assertEquals(computed.toHex(), product, name);
  }
});

for (const { name, rho, body, hash } of vectors.hash) {
  Deno.test(`hash vector: ${name}`, () => {
    const computed = new Uint8Array(16);
    wasmPoly1305(concat([Uint8Array.fromHex(rho), new Uint8Array(16)]), fromShortHex(body), computed);
    assertEquals(computed.toHex(), hash);
  });
}

for (const { name, k, length, number, hash, tag } of vectors.tag) {
  Deno.test(`tag vector: ${name}`, () => {
    const computed = new Uint8Array(16);
    headTag(Uint8Array.fromHex(k), length, number, Uint8Array.fromHex(hash), computed);
    assertEquals(computed.toHex(), tag);
  });
}

Deno.test("the vectors' first records are sealed as they say, and opened again", () => {
  const encoder = new RecordEncoder(keys(vectors.record[0]!.k, vectors.record[0]!.rho)), key = encoder.key();
  const first = vectors.record.filter(({ number }, index) => number === index + 1);
  assert(first.length > 3);
  for (const { name, body, bytes } of first) {
    assertEquals(sealed(encoder, fromShortHex(body)), fromShortHex(bytes), name);
  }
  const { bodies, error } = receive([key, ...first.map(({ bytes }) => fromShortHex(bytes))]);
  assertEquals([bodies, error], [first.map(({ body }) => fromShortHex(body)), undefined]);
});

Deno.test("a vector's record with a high number has the tag of that number", () => {
  const { k, number, body, bytes } = vectors.record.at(-1)!, record = fromShortHex(bytes), tag = new Uint8Array(16);
  assert(number > 2 ** 32);
  headTag(Uint8Array.fromHex(k), body.length / 2, number, record.subarray(HASH_AT, TAG_AT), tag);
  assertEquals(record.subarray(TAG_AT, RECORD_HEAD_LENGTH).toHex(), tag.toHex());
});

for (const { name, k, rho, key, records } of vectors.direction) {
  Deno.test(`direction vector: ${name}`, () => {
    const encoder = new RecordEncoder(keys(k, rho));
    assertEquals(encoder.key().toHex(), key);
    const bytes = records.map(({ bytes }) => fromShortHex(bytes));
    const { bodies, error, atBoundary } = receive([Uint8Array.fromHex(key), ...bytes]);
    assertEquals([bodies.length, error, atBoundary], [records.length, undefined, true]);
    bodies.forEach((body, index) => assertEquals(sealed(encoder, body), bytes[index]));
  });
}

for (const { name, by, taken, refusedAt, bytes } of vectors.invalidDirection) {
  Deno.test(`invalid direction vector, records: ${name}`, () => {
    const all = fromShortHex(bytes);
    if (by !== "record") {
      assertEquals(receive([all]).error, undefined);
      assertEquals(receive([all.subarray(0, refusedAt)]).bodies.length, taken + 1);
      return;
    }
    for (const pieces of [[all], [all.subarray(0, refusedAt)]]) {
      const { bodies, error } = receive(pieces);
      assertEquals(bodies.length, taken);
      assertInstanceOf(error, WireError);
    }
    const early = receive([all.subarray(0, refusedAt - 1)]);
    assert(early.error === undefined, "refused before it could be");
  });
}
