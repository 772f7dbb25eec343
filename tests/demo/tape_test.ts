import { assertEquals } from "@std/assert";
import { Tape } from "../../src/demo/tape.ts";
import { Random } from "../support/random/random.ts";

Deno.test("a tape keeps added bytes in order, up to its limit", () => {
  const bytes = new Random(1).bytes(10_000);
  for (const limit of [0, 1, 3_000, 9_999, 10_000, 20_000]) {
    const tape = new Tape(limit);
    for (let at = 0; at < bytes.length; at += 700) tape.add(bytes.subarray(at, at + 700));
    assertEquals(tape.bytes, bytes.subarray(0, limit));
  }
});

Deno.test("a tape copies added bytes", () => {
  const tape = new Tape(10);
  const bytes = Uint8Array.of(1, 2);
  tape.add(bytes);
  bytes.fill(0);
  assertEquals(tape.bytes, Uint8Array.of(1, 2));
});
