import { assertEquals } from "@std/assert";
import { distance, nearest, suggestion } from "../../src/config/nearest.ts";

Deno.test("distance() counts insertions, deletions, substitutions and swaps of neighbours", () => {
  const cases: [string, string, number][] = [
    ["", "", 0],
    ["", "abc", 3],
    ["abc", "", 3],
    ["abc", "abc", 0],
    ["abc", "abd", 1],
    ["abc", "bc", 1],
    ["abc", "xabc", 1],
    ["abc", "acb", 1],
    ["kitten", "sitting", 3],
    ["ca", "abc", 3],
  ];
  for (const [a, b, edits] of cases) {
    assertEquals(distance(a, b), edits, `${a} ${b}`);
    assertEquals(distance(b, a), edits, `${b} ${a}`);
  }
});

Deno.test("nearest() finds the intended word, and undefined if none is near", () => {
  const words = ["channel", "target", "config", "log-level"];
  assertEquals(nearest("chanel", words), "channel");
  assertEquals(nearest("tagret", words), "target");
  assertEquals(nearest("CONFIG", words), "config");
  assertEquals(nearest("log_level", words), "log-level");
  assertEquals(nearest("socks5", words), undefined);
  assertEquals(nearest("", words), undefined);
  assertEquals(nearest("x", []), undefined);
});

Deno.test("nearest() prefers the fewest edits, and the first among equals", () => {
  assertEquals(nearest("abcd", ["abxx", "abcx", "abce"]), "abcx");
});

Deno.test("suggestion() lists all words if none is near", () => {
  assertEquals(suggestion("chanels", ["channels", "targets"]), "did you mean channels?");
  assertEquals(suggestion("x", ["channels", "targets"]), "known: channels, targets");
});
