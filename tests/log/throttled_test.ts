import { assertEquals } from "@std/assert";
import { createLog } from "../../src/log/log.ts";
import { ThrottledWarning } from "../../src/log/throttled.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

Deno.test("from the eleventh line within ten seconds on lines are counted, and reported at the end", async () => {
  const lines: string[] = [];
  const clock = new FakeClock();
  const log = createLog({ write: (line) => lines.push(line.replace(/^\S+ +warn +/, "")) });
  const warning = new ThrottledWarning(log, clock, "knock");
  for (let index = 0; index < 25; index++) warning.warn({ index });
  assertEquals(lines.length, 10);
  assertEquals(lines.at(-1), "knock index=9");
  await clock.advance(10_000);
  assertEquals(lines.slice(10), ["knock more-times=15 seconds=10"]);
  warning.warn({ index: 25 });
  assertEquals(lines.at(-1), "knock index=25");
  await clock.advance(10_000);
  assertEquals([lines.length, clock.pending], [12, 0]);
});
