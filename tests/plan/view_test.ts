import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { plan, report, svg } from "../../src/plan/mod.ts";
import { logScale } from "../../src/plan/view/scale.ts";
import { terminalPlot } from "../../src/plan/view/terminal.ts";
import { megabits, milliseconds, percent } from "../../src/plan/view/units.ts";

const CHANNELS = [
  { address: "192.0.2.10:6522", risk: 0.1, loss: 0.01, delay: 5, rate: 100e6 },
  { address: "[2001:db8::10]:6522", risk: 0.2, loss: 0.02, delay: 10, rate: 60e6 },
  { address: "203.0.113.10:6522 via lte0", risk: 0.3, loss: 0.05, delay: 30, rate: 20e6 },
];

/** True if a choice of two channels is on the text's line. */
function rowOf(text: string, letter: string): string {
  return text.split("\n").find((line) => new RegExp(`^${letter}[ ]`).test(line))!.replace(/ +/g, " ");
}

Deno.test("the report has every choice, and the lines of configuration for the chosen one", () => {
  const text = report(plan("web", CHANNELS, { risk: 0.03 }));
  assertEquals(rowOf(text, "A"), "A * 3 3 0.60 % 20.0 7.8 % 30.0 1 2 3");
  assertEquals(rowOf(text, "B"), "B * 2 2 2.0 % 60.0 3.0 % 10.0 1 2 <- choose this");
  assertEquals(rowOf(text, "E"), "E * 2 3 9.8 % 20.0 0.17 % 10.6 1 2 3");
  assertEquals(rowOf(text, "c"), "c * 2 2 2.3 % 80.0 3.7 % 14.9 75 % 1 2, 25 % 1 3");
  assertStringIncludes(text, 'servers:\n  web:\n    channels: [192.0.2.10:6522, "[2001:db8::10]:6522"]\n');
  assertStringIncludes(text, "--server 'web=192.0.2.10:6522,[2001:db8::10]:6522'\n");
  assertStringIncludes(text, "it could be 2 of 2 shares, at 80.0 Mbit/s");
});

Deno.test("the report has the rate with short shares, and the setting where they are meant", () => {
  const full = report(plan("web", CHANNELS, { risk: 0.03 }));
  assertStringIncludes(full, "carry up to 120 Mbit/s there: --shares short.");
  const short = report(plan("web", CHANNELS, { risk: 0.03 }, "short"));
  assertEquals(rowOf(short, "B"), "B * 2 2 2.0 % 120 3.0 % 10.0 1 2 <- choose this");
  assertStringIncludes(short, "Where all are needed they are short");
  assertStringIncludes(short, '[2001:db8::10]:6522"]\n    shares: short\n\nor as flags: --server');
  assertStringIncludes(short, "[2001:db8::10]:6522' --shares short\n");
  assert(!short.includes("carry up to"));
  // A choice that needs fewer than all has no short shares.
  const two = report(plan("web", CHANNELS, { risk: 0.1, loss: 0.01 }, "short"));
  assertStringIncludes(two, "    threshold: 2\n");
  assert(!two.includes("shares: short") && !two.includes("--shares short"));
  assertStringIncludes(svg(plan("web", CHANNELS, { risk: 0.03 }, "short")), "web, short shares: ");
});

Deno.test("the report has the threshold to set on both sides where fewer shares than channels are needed", () => {
  const text = report(plan("web", CHANNELS, { risk: 0.1, loss: 0.01 }));
  assertEquals(rowOf(text, "E"), "E * 2 3 9.8 % 20.0 0.17 % 10.6 1 2 3 <- choose this");
  const addresses = '192.0.2.10:6522, "[2001:db8::10]:6522", 203.0.113.10:6522 via lte0';
  assertStringIncludes(text, ": 2 of the channels 1 2 3, at 20.0 Mbit/s (risk 9.8 %, loss 0.17 %, delay 10.6 ms).");
  assertStringIncludes(text, `servers:\n  web:\n    channels: [${addresses}]\n    threshold: 2\n`);
  assertStringIncludes(text, "203.0.113.10:6522 via lte0' --threshold 2\nIn the server's file: threshold: 2\n");
});

Deno.test("the report says that nothing is within the wish, and what comes nearest", () => {
  const text = report(plan("web", CHANNELS, { risk: 0.001, delay: 3, rate: 1e6 }));
  assertStringIncludes(
    text,
    "At most 0.10 % risk, 3.00 ms delay, at least 1.00 Mbit/s, as fast as possible: no set of channels is within that. " +
      "The least risk is 0.60 %, with channels 1 2 3, at 20.0 Mbit/s.",
  );
  assert(!text.includes("choose this"));
});

Deno.test("the terminal's picture has each letter once, safer below, faster to the right", () => {
  const lines = terminalPlot(plan("web", CHANNELS, { risk: 0.03 })).split("\n").slice(1, 15).map((line) =>
    line.slice(6)
  );
  const places = new Map<string, [number, number]>();
  lines.forEach((line, row) =>
    [...line].forEach((character, column) => {
      if (/[a-z]/i.test(character)) places.set(character, [row, column]);
    })
  );
  assertEquals([...places.keys()].sort().join(""), "ABCDEabcd");
  assert(places.get("A")![0] > places.get("B")![0] && places.get("A")![1] < places.get("B")![1]);
  assert(places.get("B")![1] < places.get("c")![1]);
});

Deno.test("the image is well-formed, and names each choice in each panel", () => {
  const image = svg(plan("a&b", CHANNELS, { risk: 0.03 }));
  for (const letter of "ABCDEabcd") {
    assertEquals(image.split(`<title>${letter}: `).length - 1, 3, letter);
  }
  const open: string[] = [];
  for (const [, close, name, self] of image.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)) {
    if (close) assertEquals(open.pop(), name);
    else if (!self) open.push(name!);
  }
  assertEquals(open, []);
  assertStringIncludes(image, "a&#38;b");
  assert(!/NaN|Infinity|undefined/.test(image));
});

Deno.test("channels without risk, loss or delay, or equal ones, can be drawn", () => {
  const equal = [1, 2].map((at) => ({ address: `${at}`, risk: 0, loss: 0, delay: 0, rate: 1e6 }));
  const made = plan("x", equal, { risk: 0 });
  for (const text of [svg(made), report(made)]) assert(!/NaN|Infinity|undefined/.test(text));
});

Deno.test("a scale is within its ends and ascends", () => {
  const { at, ticks } = logScale([0, 1e-6, 0.5, 30]);
  const places = [0, 1e-6, 0.5, 30].map(at);
  assertEquals(places, places.toSorted((a, b) => a - b));
  assert(places[0]! >= 0 && places[3]! <= 1 && places[0]! < places[1]!);
  assert(ticks.length > 1 && ticks.length <= 6);
});

Deno.test("numbers have the digits that count", () => {
  assertEquals([0, 1, 0.006, 0.0783, 4.2e-7, 0.00168].map(percent), [
    "0 %",
    "100 %",
    "0.60 %",
    "7.8 %",
    "4.2e-5 %",
    "0.17 %",
  ]);
  assertEquals([14.9e6, 1e9, 123_456].map(megabits), ["14.9", "1000", "0.123"]);
  assertEquals([0, 0.035, 12].map(milliseconds), ["0", "0.0350", "12.0"]);
});
