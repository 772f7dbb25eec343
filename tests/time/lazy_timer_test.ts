import { assertEquals } from "@std/assert";
import { LazyTimer } from "../../src/time/lazy_timer.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

/** A timer that notes when it acts. */
function startTimer() {
  const clock = new FakeClock();
  const acted: number[] = [];
  return { clock, acted, timer: new LazyTimer(clock, () => acted.push(clock.now())) };
}

Deno.test("a lazy timer acts once for each start, when the last one's time is over", async () => {
  const { clock, acted, timer } = startTimer();
  const began = clock.now();
  timer.start(100);
  await clock.advance(60);
  timer.start(100);
  await clock.advance(99);
  assertEquals(acted, []);
  await clock.advance(1);
  assertEquals(acted, [began + 160]);
  timer.start(50);
  timer.start(20);
  await clock.advance(1000);
  assertEquals(acted, [began + 160, began + 180]);
});

Deno.test("a stopped lazy timer does not act, and sets no further timer of the system's", async () => {
  const { clock, acted, timer } = startTimer();
  for (let start = 0; start < 1000; start++) {
    timer.start(100);
    timer.stop();
  }
  assertEquals(clock.pending, 1);
  await clock.advance(1000);
  assertEquals([acted, clock.pending], [[], 0]);
});

Deno.test("a closed lazy timer leaves nothing set", () => {
  const { clock, timer } = startTimer();
  timer.start(100);
  timer.close();
  assertEquals(clock.pending, 0);
});
