import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { deadline } from "../../src/time/deadline.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

const reason = () => new Error("late");

Deno.test("a deadline aborts when its time is over, but not earlier", async () => {
  const clock = new FakeClock();
  using limit = deadline(clock, 100, { reason });
  await clock.advance(99);
  assertEquals(limit.signal.aborted, false);
  await clock.advance(1);
  assertEquals(limit.signal.reason.message, "late");
});

Deno.test("a disposed deadline leaves neither timer nor listener", async () => {
  const clock = new FakeClock(), caller = new AbortController();
  const limit = deadline(clock, 100, { reason, signal: caller.signal });
  limit[Symbol.dispose]();
  assertEquals(clock.pending, 0);
  caller.abort(new Error("stop"));
  await clock.advance(200);
  assertEquals(limit.signal.aborted, false);
});

Deno.test("a deadline aborts with its caller's reason when that comes first", () => {
  const clock = new FakeClock(), caller = new AbortController();
  using limit = deadline(clock, 100, { reason, signal: caller.signal });
  const stop = new Error("stop");
  caller.abort(stop);
  assertStrictEquals(limit.signal.reason, stop);
});

Deno.test("a deadline whose caller has already aborted is aborted from the start", () => {
  const stop = new Error("stop");
  using limit = deadline(new FakeClock(), 100, { reason, signal: AbortSignal.abort(stop) });
  assertStrictEquals(limit.signal.reason, stop);
});

Deno.test("race returns the operation's result, or throws its error or the deadline's reason", async () => {
  const clock = new FakeClock();
  using limit = deadline(clock, 100, { reason });
  assertEquals(await limit.race(Promise.resolve(7)), 7);
  await assertRejects(() => limit.race(Promise.reject(new TypeError("own"))), TypeError, "own");
  const late = assertRejects(() => limit.race(new Promise(() => {})), Error, "late");
  await clock.advance(100);
  await late;
  await assertRejects(() => limit.race(Promise.resolve(7)), Error, "late");
});

Deno.test("sleep resolves when its time is over", async () => {
  const clock = new FakeClock();
  let woken = false;
  const sleeping = clock.sleep(50).then(() => woken = true);
  await clock.advance(49);
  assertEquals(woken, false);
  await clock.advance(1);
  await sleeping;
});
