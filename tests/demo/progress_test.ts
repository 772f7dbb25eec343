import { assert, assertEquals, assertMatch } from "@std/assert";
import { ProgressBar, rate } from "../../src/demo/progress.ts";
import { Screen } from "../../src/demo/screen.ts";
import { PLAIN } from "../../src/demo/terminal.ts";

const LIMITS = { bytes: 300_000_000, ms: 4_000 };

/** Successive states of a bar, at 80 columns without colours. */
function shown(live: boolean, use: (bar: ProgressBar) => void): string[] {
  const texts: string[] = [];
  const screen = new Screen((text) => texts.push(text.replace("\r\x1b[K", "")), { ...PLAIN, live });
  use(new ProgressBar(screen, LIMITS));
  return texts;
}

Deno.test("a bar follows the limit that will be reached first", () => {
  const bars = shown(true, (bar) => {
    bar.update({ bytes: 0, ms: 0 });
    bar.update({ bytes: 150_000_000, ms: 1_000 });
    bar.update({ bytes: 160_000_000, ms: 3_000 });
    bar.update({ bytes: 400_000_000, ms: 3_500 });
  });
  assertEquals(bars.map((bar) => bar.replaceAll(/[^━]/g, "").length), [0, 20, 30, 40]);
  assertMatch(bars[1]!, /─ {2}150\.0 MB in 1\.0 s +150 MB\/s$/);
  assert(bars.every((bar) => bar.length < 80));
});

Deno.test("a bar is not redrawn for every read", () => {
  const bars = shown(true, (bar) => {
    for (let ms = 0; ms < 1_000; ms++) bar.update({ bytes: ms * 1_000, ms });
  });
  assertEquals(bars.length, 13);
});

Deno.test("without a terminal there is a line for each 100 MB", () => {
  const lines = shown(false, (bar) => {
    for (let bytes = 0; bytes <= 250_000_000; bytes += 10_000_000) bar.update({ bytes, ms: bytes / 100_000 });
  });
  assertEquals(lines, ["  100.0 MB in 1.0 s   100 MB/s\n", "  200.0 MB in 2.0 s   100 MB/s\n"]);
});

Deno.test("a rate is finite from the start", () => {
  assertEquals(rate({ bytes: 5_000, ms: 0 }), "5 MB/s");
});
