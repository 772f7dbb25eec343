import { assert, assertEquals } from "@std/assert";
import { giveBuffer, SMALLEST_BUFFER, takeBuffer } from "../../src/association/buffers.ts";

Deno.test("the smallest buffers share memory, and no byte of it", () => {
  const buffers = Array.from({ length: 300 }, () => takeBuffer(SMALLEST_BUFFER));
  const pieces = new Set(buffers.map(({ buffer }) => buffer));
  assert(pieces.size < buffers.length / 10, `${pieces.size} pieces of memory`);
  buffers.forEach((buffer, index) => buffer.fill(index));
  for (const [index, buffer] of buffers.entries()) {
    assertEquals(buffer.byteOffset % 8, 0);
    assert(buffer.length >= SMALLEST_BUFFER && buffer.every((byte) => byte === index % 256), `buffer ${index}`);
  }
  buffers.forEach(giveBuffer);
});
