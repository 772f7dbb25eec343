import { assert, assertEquals } from "@std/assert";
import { TimerLists } from "../../src/time/timer_lists.ts";

/** Waits in real time. */
function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Adds actions of two durations, some of which it cancels. @returns Those that ran, in their order, without any too early. */
async function orderOfFive(): Promise<string> {
  const timers = new TimerLists(), ran: [string, number][] = [], start = performance.now();
  const note = (name: string) => () => void ran.push([name, performance.now() - start]);
  timers.add(120, note("a"));
  timers.add(40, note("b"))();
  timers.add(40, note("c"));
  await sleep(20);
  const added = performance.now() - start;
  timers.add(40, note("d"));
  timers.add(120, note("e"))();
  const cancel = timers.add(10_000, note("f"));
  while (ran.length < 3) await sleep(10);
  cancel();
  await sleep(60);
  const due = { c: 40, d: 40 + added, a: 120 } as Record<string, number>;
  for (const [name, at] of ran) assert(at >= due[name]! - 2, `${name} after ${at} ms`);
  return ran.map(([name]) => name).join("");
}

Deno.test("actions run once, when they are due and in their order, and not when cancelled", async () => {
  // A machine that stops this process for a while makes "d" late.
  let order = "";
  for (let tries = 0; tries < 10 && order !== "cda"; tries++) {
    order = await orderOfFive();
    assertEquals([...order].sort().join(""), "acd");
  }
  assertEquals(order, "cda");
});

Deno.test("an action may start and cancel others of the same duration", async () => {
  const timers = new TimerLists(), ran: string[] = [];
  timers.add(30, () => {
    ran.push("first");
    cancel();
    timers.add(30, () => void ran.push("third"));
  });
  const cancel = timers.add(30, () => void ran.push("second"));
  while (ran.length < 2) await sleep(10);
  assertEquals(ran, ["first", "third"]);
});

Deno.test("cancelling after an action ran harms nothing", async () => {
  const timers = new TimerLists();
  let count = 0;
  const cancel = timers.add(10, () => void count++);
  while (count < 1) await sleep(10);
  cancel();
  timers.add(10, () => void count++);
  cancel();
  while (count < 2) await sleep(10);
});

Deno.test("what is left of a time limit shares a timer of the system's, whatever fraction it is, and is never early", async () => {
  const { setTimeout: original } = globalThis, delays: (number | undefined)[] = [];
  const timers = new TimerLists(), start = performance.now(), ran: number[] = [];
  globalThis.setTimeout = ((action: () => void, ms?: number) => {
    delays.push(ms);
    return original(action, ms);
  }) as typeof setTimeout;
  try {
    for (const time of [9.2, 9.75, 10, 9.001]) timers.add(time, () => void ran.push(performance.now() - start));
  } finally {
    globalThis.setTimeout = original;
  }
  assertEquals(delays, [10]);
  while (ran.length < 4) await sleep(5);
  // The system's timers may fire up to a millisecond early.
  assert(ran.every((at) => at >= 9), `${ran}`);
});
