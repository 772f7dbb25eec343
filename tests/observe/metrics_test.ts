import { assertEquals, assertThrows } from "@std/assert";
import { expose, Histogram, Tally } from "../../src/observe/metrics.ts";

Deno.test("a metric is written with its help, its type and a line for each sample", () => {
  const samples = [{ labels: { a: "1", b: "2" }, value: 3 }, { value: 0.25 }];
  assertEquals(
    expose([{ name: "micss_things_total", help: "Things.", type: "counter", samples }]),
    '# HELP micss_things_total Things.\n# TYPE micss_things_total counter\nmicss_things_total{a="1",b="2"} 3\n' +
      "micss_things_total 0.25\n",
  );
});

Deno.test("help escapes backslashes and line feeds; labels escape quotes, too", () => {
  const nasty = 'a"b\\c\nd';
  const text = expose([{ name: "x", help: nasty, type: "gauge", samples: [{ labels: { l: nasty }, value: 1 }] }]);
  assertEquals(text, '# HELP x a"b\\\\c\\nd\n# TYPE x gauge\nx{l="a\\"b\\\\c\\nd"} 1\n');
});

Deno.test("metrics without samples and empty labels are left out", () => {
  assertEquals(expose([{ name: "x", help: "X.", type: "gauge", samples: [] }]), "");
  const text = expose([{ name: "x", help: "X.", type: "gauge", samples: [{ labels: { a: "", b: "c" }, value: 1 }] }]);
  assertEquals(text.split("\n")[2], 'x{b="c"} 1');
  const bare = expose([{ name: "x", help: "X.", type: "gauge", samples: [{ labels: { a: "" }, value: 1 }] }]);
  assertEquals(bare.split("\n")[2], "x 1");
});

Deno.test("infinities are written in Prometheus's notation", () => {
  const text = expose([{ name: "x", help: "X.", type: "gauge", samples: [{ value: Infinity }, { value: -Infinity }] }]);
  assertEquals(text.split("\n").slice(2, 4), ["x +Inf", "x -Inf"]);
});

Deno.test("a histogram's bounds are inclusive", () => {
  const histogram = new Histogram([0.1, 1]);
  for (const value of [0, 0.1, 0.100001, 1, 1.5, 100]) histogram.observe(value);
  assertEquals(histogram.cumulative, [2, 4, 6]);
  assertEquals(
    expose([{ name: "x_seconds", help: "X.", type: "histogram", histogram }]),
    '# HELP x_seconds X.\n# TYPE x_seconds histogram\nx_seconds_bucket{le="0.1"} 2\nx_seconds_bucket{le="1"} 4\n' +
      'x_seconds_bucket{le="+Inf"} 6\nx_seconds_sum 102.700001\nx_seconds_count 6\n',
  );
});

Deno.test("a histogram rejects bounds that don't ascend", () => {
  assertThrows(() => new Histogram([]), RangeError);
  assertThrows(() => new Histogram([1, 1]), RangeError);
  assertThrows(() => new Histogram([2, 1]), RangeError);
  assertThrows(() => new Histogram([NaN]), RangeError);
});

Deno.test("a tally lists uncounted keys only if they were declared", () => {
  const tally = new Tally(["a", "b"]);
  tally.count("b");
  tally.count("b");
  assertEquals(tally.entries(), [["a", 0], ["b", 2]]);
  assertEquals(tally.of("a"), 0);
  const open = new Tally();
  open.count("c");
  assertEquals(open.entries(), [["c", 1]]);
});
