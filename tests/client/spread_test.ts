import { assertEquals } from "@std/assert";
import { Spread } from "../../src/client/spread.ts";
import { FakeClock } from "../support/fake_clock.ts";

const THREE = { count: 3, id: new Uint8Array(16).fill(1) };

/** How often each worker's turn came in so many. */
function turns(spread: Spread, count: number): Record<number, number> {
  const seen: Record<number, number> = {};
  for (let i = 0; i < count; i++) {
    const worker = spread.next();
    seen[worker] = (seen[worker] ?? 0) + 1;
  }
  return seen;
}

Deno.test("all go to the first worker until others are told of, and reached", () => {
  const spread = new Spread(new FakeClock(), 59_013);
  assertEquals([turns(spread, 6), spread.untried()], [{ 0: 6 }, []]);
  spread.told(THREE, 0);
  assertEquals([turns(spread, 6), spread.untried(), spread.untried()], [{ 0: 6 }, [1, 2], []]);
  spread.reached(2);
  assertEquals(turns(spread, 6), { 0: 3, 2: 3 });
  spread.reached(1);
  assertEquals(turns(spread, 6), { 0: 2, 1: 2, 2: 2 });
});

Deno.test("a worker that is not reached is passed over for a minute, which is news once", async () => {
  const clock = new FakeClock(), spread = new Spread(clock, 59_013);
  spread.told(THREE, 0);
  assertEquals(spread.untried(), [1, 2]);
  assertEquals([spread.failed(1), spread.failed(1)], [true, false]);
  await clock.advance(59_999);
  assertEquals(spread.untried(), []);
  await clock.advance(1);
  assertEquals(spread.untried(), [1]);
  assertEquals(spread.failed(1), false);
  spread.reached(1);
  assertEquals([turns(spread, 4), spread.failed(1), turns(spread, 4)], [{ 0: 2, 1: 2 }, true, { 0: 4 }]);
});

Deno.test("a worker is proven by a session that it answered, until it fails", () => {
  const spread = new Spread(new FakeClock(), 59_013);
  spread.told(THREE, 0);
  spread.reached(1);
  assertEquals([spread.isProven(0), spread.isProven(1)], [true, false]);
  spread.told({ ...THREE }, 1);
  assertEquals(spread.isProven(1), true);
  spread.failed(1);
  assertEquals(spread.isProven(1), false);
});

Deno.test("a server handler that started anew, or has one worker now, is another one", () => {
  const spread = new Spread(new FakeClock(), 59_013);
  spread.told(THREE, 0);
  spread.reached(1);
  spread.told({ count: 2, id: new Uint8Array(16).fill(2) }, 0);
  assertEquals([turns(spread, 2), spread.untried()], [{ 0: 2 }, [1]]);
  spread.reached(1);
  spread.told(null, 0);
  assertEquals([turns(spread, 2), spread.untried(), spread.workers], [{ 0: 2 }, [], null]);
});

Deno.test("no port beyond the last is tried", () => {
  const spread = new Spread(new FakeClock(), 1);
  spread.told(THREE, 0);
  assertEquals(spread.untried(), [1]);
});
