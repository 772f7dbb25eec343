import { assertEquals, assertRejects } from "@std/assert";
import { FakeClock } from "./fake_clock.ts";

Deno.test("the fake clock runs due timers in order, each at its own time", async () => {
  const clock = new FakeClock();
  const seen: string[] = [];
  const note = (name: string) => () => seen.push(`${name} at ${clock.now()}`);
  clock.after(20, note("c"));
  clock.after(10, note("a"));
  clock.after(10, note("b"));
  clock.after(21, note("late"));
  await clock.advance(20);
  assertEquals(seen, ["a at 10", "b at 10", "c at 20"]);
  assertEquals(clock.now(), 20);
  assertEquals(clock.pending, 1);
});

Deno.test("the fake clock runs timers that a timer, or a promise behind it, sets on the way", async () => {
  const clock = new FakeClock();
  const seen: number[] = [];
  const again = async () => {
    seen.push(clock.now());
    await Promise.resolve();
    await Promise.resolve();
    clock.after(5, again);
  };
  clock.after(5, again);
  await clock.advance(17);
  assertEquals(seen, [5, 10, 15]);
  assertEquals(clock.now(), 17);
});

Deno.test("the fake clock cancels timers, once or repeatedly, before or after they run", async () => {
  const clock = new FakeClock();
  let runs = 0;
  const cancel = clock.after(1, () => runs++);
  const ran = clock.after(1, () => runs++);
  cancel();
  cancel();
  assertEquals(clock.pending, 1);
  await clock.advance(1);
  ran();
  assertEquals(runs, 1);
  assertEquals(clock.pending, 0);
});

Deno.test("the fake clock runs a timer of 0 ms only when it is advanced, even by 0", async () => {
  const clock = new FakeClock();
  let ran = false;
  clock.after(0, () => ran = true);
  await Promise.resolve();
  assertEquals(ran, false);
  await clock.advance(0);
  assertEquals(ran, true);
});

Deno.test("the fake clock rethrows a timer's error and stands at its time", async () => {
  const clock = new FakeClock();
  clock.after(3, () => {
    throw new RangeError("boom");
  });
  await assertRejects(() => clock.advance(10), RangeError, "boom");
  assertEquals(clock.now(), 3);
  assertEquals(clock.pending, 0);
});
