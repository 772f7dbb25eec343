import { assertEquals } from "@std/assert";
import { Fairness } from "../../src/net/fairness.ts";

const MIB = 1024 * 1024;

/** Starts operations of `bytes` each, and counts those that start immediately, up to `limit`. */
function startedAtOnce(fairness: Fairness, bytes: number, limit = 1000): number {
  let started = 0;
  for (let index = 0; index < limit; index++) fairness.run(bytes, () => Promise.resolve(started++));
  return started;
}

Deno.test("large operations wait once the budget is spent, which is smaller while there are several sessions", () => {
  const single = new Fairness(), shared = new Fairness();
  for (const fairness of [single, shared, shared]) fairness.join();
  assertEquals([startedAtOnce(single, MIB), startedAtOnce(shared, MIB)], [255, 11]);
});

Deno.test("a session that has ended no longer shares the budget", () => {
  const fairness = new Fairness();
  fairness.join();
  fairness.join();
  fairness.leave();
  assertEquals(startedAtOnce(fairness, MIB), 255);
});

Deno.test("small operations neither wait nor count", () => {
  const fairness = new Fairness();
  fairness.join();
  fairness.join();
  assertEquals(startedAtOnce(fairness, 16 * 1024 - 1, 10_000), 10_000);
  assertEquals(startedAtOnce(fairness, MIB), 11);
  assertEquals(startedAtOnce(fairness, 1), 1000);
});

Deno.test("after the pause waiting operations run in order, and the budget starts over", async () => {
  const fairness = new Fairness();
  fairness.join();
  fairness.join();
  const order: number[] = [];
  await Promise.all(Array.from({ length: 40 }, (_, at) => fairness.run(MIB, () => Promise.resolve(order.push(at)))));
  assertEquals(order, Array.from({ length: 40 }, (_, at) => at));
  assertEquals(startedAtOnce(fairness, MIB), 11);
});

Deno.test("an operation's failure is the caller's, and does not block others", async () => {
  const fairness = new Fairness();
  const failure = await fairness.run(MIB, () => Promise.reject(new RangeError("failed"))).catch((error) => error);
  assertEquals(failure.message, "failed");
  assertEquals(await fairness.run(MIB, () => Promise.resolve(7)), 7);
});
