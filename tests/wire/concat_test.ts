import { assertEquals } from "@std/assert";
import { concat } from "../../src/wire/concat.ts";

Deno.test("pieces follow each other, empty ones included", () => {
  assertEquals(concat([]), new Uint8Array(0));
  assertEquals(concat([Uint8Array.of(1, 2), [], Uint8Array.of(3)]), Uint8Array.of(1, 2, 3));
});

Deno.test("plain numbers contribute their lowest 8 bits", () => {
  assertEquals(concat([[0x1ff, 256, -1]]), Uint8Array.of(255, 0, 255));
});

Deno.test("a single piece is copied", () => {
  const piece = Uint8Array.of(1);
  const bytes = concat([piece]);
  piece[0] = 2;
  assertEquals(bytes, Uint8Array.of(1));
});
