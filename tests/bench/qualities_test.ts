import { assertAlmostEquals, assertEquals } from "@std/assert";
import { lossOf } from "../../src/bench/qualities.ts";

Deno.test("a round trip that took as long as a retransmission lost one of two packets", () => {
  const trips = Array.from({ length: 1000 }, (_, at) => at < 40 ? 20_000 + 210_000 : 20_000 + at);
  assertAlmostEquals(lossOf(trips), 1 - Math.sqrt(0.96), 1e-12);
});

Deno.test("queues and busy machines are no losses", () => {
  assertEquals(lossOf([1_000, 1_200, 90_000, 140_000, 1_100]), 0);
});
