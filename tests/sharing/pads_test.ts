import { assert, assertEquals, assertLess } from "@std/assert";
import { systemPads } from "../../src/sharing/system_pads.ts";

Deno.test("system pads fill arrays of lengths around the runtime's limit per call", () => {
  for (const length of [0, 1, 7, 64, 65_535, 65_536, 65_537, 131_072, 131_073, 524_288]) {
    const filled = new Uint8Array(length);
    // The probability that a byte is zero after all 12 fills is 2^-96.
    for (let time = 0; time < 12; time++) {
      const pad = new Uint8Array(length);
      systemPads(pad);
      pad.forEach((byte, at) => filled[at]! |= byte);
    }
    assertEquals(filled.indexOf(0), -1, `${length} bytes`);
  }
});

Deno.test("system pads fill a view and nothing around it", () => {
  const buffer = new Uint8Array(70_000);
  systemPads(buffer.subarray(3, 69_990));
  assertEquals(buffer.subarray(0, 3), new Uint8Array(3));
  assertEquals(buffer.subarray(69_990), new Uint8Array(10));
  assert(buffer.subarray(3, 19).some((byte) => byte !== 0));
  assert(buffer.subarray(69_974, 69_990).some((byte) => byte !== 0));
});

Deno.test("system pads never repeat: all 8-byte blocks of a megabyte differ, within and across calls", () => {
  const pad = new Uint8Array(1 << 20);
  systemPads(pad.subarray(0, 1 << 19));
  systemPads(pad.subarray(1 << 19));
  const blocks = new BigUint64Array(pad.buffer);
  // The probability that two of 2^17 blocks are equal is 2^-31.
  assertEquals(new Set(blocks).size, blocks.length);
});

Deno.test("system pads contain each byte value equally often", () => {
  const pad = new Uint8Array(1 << 20), counts = new Array<number>(256).fill(0);
  systemPads(pad);
  for (const byte of pad) counts[byte]!++;
  const expected = pad.length / 256;
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  // 255 degrees of freedom: mean 255, standard deviation 22.6; 480 is ten deviations away.
  assertLess(chiSquare, 480);
});
