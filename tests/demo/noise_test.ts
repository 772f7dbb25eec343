import { assertEquals } from "@std/assert";
import type { Measures } from "../../src/demo/measure.ts";
import { notNoise } from "../../src/demo/noise.ts";

const noise: Measures = { entropy: 7.9998, chiSquare: 255, gzip: 1, run: 3 };

Deno.test("noise is recognized as noise", () => {
  assertEquals(notNoise(noise), null);
  assertEquals(notNoise({ ...noise, run: 7 }), null);
  assertEquals(notNoise({ ...noise, chiSquare: 200 }), null);
  assertEquals(notNoise({ ...noise, chiSquare: 320 }), null);
});

Deno.test("each measure alone can reveal a difference from noise", () => {
  assertEquals(notNoise({ ...noise, run: 8 }), "holds 8 bytes in a row of what was sent");
  assertEquals(notNoise({ ...noise, entropy: 7.99 }), "has only 7.990 bits of entropy a byte");
  assertEquals(notNoise({ ...noise, chiSquare: 0 }), "has bytes more evenly distributed than noise");
  assertEquals(notNoise({ ...noise, chiSquare: 900.4 }), "has unevenly spread bytes, by a chi-square of 900");
  assertEquals(notNoise({ ...noise, gzip: 0.5 }), "can be compressed to 50.0 %");
});
