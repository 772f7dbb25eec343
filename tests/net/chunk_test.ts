import { assertEquals, assertStrictEquals } from "@std/assert";
import { Chunk } from "../../src/net/chunk.ts";
import { fc } from "../support/random/property.ts";

Deno.test("a chunk is the bytes that it was made with, not a copy", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  assertStrictEquals(new Chunk(bytes, () => {}).bytes, bytes);
});

Deno.test("a chunk's memory is free at its last release, once, however its holders come and go", () => {
  // True for one more holder, false for one less.
  fc.assert(fc.property(fc.array(fc.boolean(), { maxLength: 30 }), (steps) => {
    let freed = 0, holders = 1;
    const chunk = new Chunk(new Uint8Array(1), () => freed++);
    for (const more of steps) {
      if (holders === 0) break;
      holders += more ? 1 : -1;
      if (more) assertStrictEquals(chunk.hold(), chunk);
      else chunk.release();
      assertEquals(freed, holders === 0 ? 1 : 0);
    }
    for (; holders > 0; holders--) {
      assertEquals(freed, 0);
      chunk.release();
    }
    assertEquals(freed, 1);
  }));
});
