import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  affordable,
  bufferBytes,
  giveBuffer,
  LARGEST_BUFFER,
  LARGEST_CAPACITY,
  nextSize,
  SMALLEST_BUFFER,
  takeBuffer,
} from "../../src/net/buffer_pool.ts";

Deno.test("the smallest buffers share allocations without overlapping", () => {
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

Deno.test("a buffer has room besides its nominal size: little in a small one, for 1,200 bytes of heads in one of a record", () => {
  // Thousands of idle sessions hold a small one each.
  const capacities = [[512, 560], [8192, 8240], [65_536, 66_736], [LARGEST_BUFFER, LARGEST_CAPACITY]] as const;
  for (const [nominal, capacity] of capacities) {
    for (const length of [nominal, capacity]) {
      const buffer = takeBuffer(length);
      assertEquals([buffer.length, buffer.byteOffset % 8], [capacity, 0]);
      giveBuffer(buffer);
    }
  }
  assertEquals(LARGEST_CAPACITY, LARGEST_BUFFER + 48 + 8 * 1152);
  assertThrows(() => takeBuffer(LARGEST_CAPACITY + 1), RangeError, `the largest has ${LARGEST_CAPACITY}`);
});

Deno.test("flows get large buffers until many are in use; waiting flows then hold little", () => {
  const { inUse } = bufferBytes();
  const partial = Math.floor(LARGEST_BUFFER / 2);
  assertEquals(nextSize(LARGEST_BUFFER, partial), LARGEST_BUFFER);
  const taken: Uint8Array[] = [];
  while (affordable(LARGEST_BUFFER) === LARGEST_BUFFER) {
    assert(taken.length < 1000, "no limit to large buffers");
    taken.push(takeBuffer(LARGEST_BUFFER));
  }
  assertEquals([affordable(LARGEST_BUFFER), affordable(65_536), affordable(512)], [8192, 65_536, 512]);
  assertEquals(nextSize(LARGEST_BUFFER, partial), 8192);
  assertEquals(nextSize(65_536, 65_536), LARGEST_BUFFER);
  const { inUse: most } = bufferBytes();
  assert(most > 60 * 2 ** 20 && most <= 64 * 2 ** 20, `${most}`);

  taken.forEach(giveBuffer);
  const after = bufferBytes();
  assertEquals(after.inUse, inUse);
  assert(after.free <= 32 * 2 ** 20, `${after.free}`);
  // Memory of buffers that are not kept is released immediately, without a garbage collection.
  const released = taken.filter(({ buffer }) => (buffer as ArrayBuffer).detached).length;
  assert(released * LARGEST_BUFFER >= 28 * 2 ** 20, `${released}`);
  assertEquals(nextSize(LARGEST_BUFFER, partial), LARGEST_BUFFER);
});
