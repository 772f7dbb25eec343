import { assertEquals } from "@std/assert";
import { wrap } from "../../src/demo/wrap.ts";

Deno.test("a paragraph breaks between words, and leaves the last column empty", () => {
  assertEquals(wrap("one two three", 10, 2), ["  one two", "  three"]);
  assertEquals(wrap("one two three", 9, 2), ["  one", "  two", "  three"]);
});

Deno.test("newlines and several spaces count as one space", () => {
  assertEquals(wrap("one\n    two", 80, 0), ["one two"]);
});

Deno.test("a word longer than a line gets its own line", () => {
  assertEquals(wrap("a longest word", 5, 0), ["a", "longest", "word"]);
});

Deno.test("lines stay short enough to read", () => {
  const [first] = wrap("word ".repeat(100).trim(), 300, 0);
  assertEquals(first!.length, 94);
});
