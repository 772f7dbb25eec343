import { assertAlmostEquals, assertEquals } from "@std/assert";
import { median, quantile, summarize } from "../../src/bench/statistics.ts";

Deno.test("a summary has mean, deviation, median and 99th percentile, whatever the order of the samples", () => {
  const { count, mean, deviation, median, p99 } = summarize([9, 2, 4, 4, 4, 5, 5, 7]);
  assertEquals([count, mean, deviation, median], [8, 5, 2, 4.5]);
  assertAlmostEquals(p99, 8.86);
});

Deno.test("one sample is its own summary", () => {
  assertEquals(summarize([3]), { count: 1, mean: 3, deviation: 0, median: 3, p99: 3 });
});

Deno.test("a quantile between two samples lies between them", () => {
  assertEquals([0, 0.25, 0.5, 1].map((q) => quantile([0, 10, 20], q)), [0, 5, 10, 20]);
});

Deno.test("the median does not reorder the samples", () => {
  const samples = [3, 1, 2];
  assertEquals(median(samples), 2);
  assertEquals(samples, [3, 1, 2]);
});
