/** docs/record-vectors.json against the code that makes it, and against the description alone. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import vectors from "../../docs/record-vectors.json" with { type: "json" };
import { recordVectors } from "../../scripts/record_vectors.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { evaluateSlowly } from "../support/wire/reference.ts";
import { concat } from "../../src/wire/concat.ts";
import { receive } from "./direction.ts";
import { hashSlowly, keySlowly, recordSlowly, tagSlowly } from "./reference.ts";

const hex = (text: string): Uint8Array => Uint8Array.fromHex(text);

Deno.test("the file is what scripts/record_vectors.ts writes", async () => {
  const file = new URL("../../docs/record-vectors.json", import.meta.url);
  assertEquals(await Deno.readTextFile(file), recordVectors());
});

Deno.test("names are unique in each group", () => {
  for (const group of [vectors.hash, vectors.tag, vectors.direction, vectors.invalid]) {
    assertEquals(new Set(group.map(({ name }) => name)).size, group.length);
  }
});

for (const { name, rho, body, hash } of vectors.hash) {
  Deno.test(`hash vector: ${name}`, () => assertEquals(hashSlowly(hex(rho), hex(body)).toHex(), hash));
}

for (const { name, k, length, number, hash, blocks, tag } of vectors.tag) {
  Deno.test(`tag vector: ${name}`, () => {
    assertEquals(tagSlowly(hex(k), length, number, hex(hash)).toHex(), tag);
    assertEquals(evaluateSlowly(blocks.map(hex), hex(k)).toHex(), tag);
  });
}

const [key, ...records] = vectors.direction;

Deno.test("direction vector: KEY and each record are what the description says, and are taken", () => {
  const k = hex(key!.k!), rho = hex(key!.rho!);
  assertEquals(keySlowly(k, rho).toHex(), key!.bytes);
  records.forEach(({ body, bytes }, index) => {
    assertEquals(recordSlowly(k, rho, index + 1, hex(body!)).toHex(), bytes);
  });
  const { bodies, error } = receive([concat([...vectors.direction.map(({ bytes }) => hex(bytes))])]);
  assertEquals([bodies.map((body) => body.toHex()), error], [records.map(({ body }) => body!), undefined]);
});

for (const { name, given, refusedAt, bytes } of vectors.invalid) {
  Deno.test(`invalid vector: ${name}`, () => {
    for (const pieces of [[hex(bytes)], [hex(bytes).subarray(0, refusedAt)]]) {
      const { bodies, error } = receive(pieces);
      assertEquals(bodies.length, given);
      assertInstanceOf(error, WireError);
    }
    const early = receive([hex(bytes).subarray(0, refusedAt - 1)]);
    assert(early.error === undefined, "refused before it could be");
  });
}
