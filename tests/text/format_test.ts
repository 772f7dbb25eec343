import { assertEquals } from "@std/assert";
import { bytes, columns, count, seconds } from "../../src/text/format.ts";

Deno.test("numbers have thousands separators", () => {
  assertEquals([0, 999, 1000, 1_000_244.6].map(count), ["0", "999", "1,000", "1,000,245"]);
});

Deno.test("bytes are formatted in the fitting unit, at each boundary between units", () => {
  assertEquals([0, 999, 1_000, 999_949, 999_950, 300_004_816].map(bytes), [
    "0 B",
    "999 B",
    "1.0 kB",
    "999.9 kB",
    "1.0 MB",
    "300.0 MB",
  ]);
});

Deno.test("milliseconds are formatted as seconds", () => {
  assertEquals([0, 49, 2_950].map(seconds), ["0.0 s", "0.0 s", "3.0 s"]);
});

Deno.test("columns are as wide as their widest cell, without trailing spaces", () => {
  assertEquals(columns([["a", "1", "x"], ["bbb", "22", ""]], ["left", "right", "left"]), [
    "a      1   x",
    "bbb   22",
  ]);
});
