import { assertEquals } from "@std/assert";
import { type Check, Inconclusive, type Need, Readiness } from "../../src/observe/readiness.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";

const passes = (name: string, need: Need): Check => ({ name, need, run: () => {} });
const fails = (name: string, need: Need): Check => ({
  ...{ name, need, run: () => Promise.reject(new Error(`${name} is gone`)) },
});
const hangs = (name: string, need: Need): Check => ({ name, need, run: () => new Promise(() => {}) });

Deno.test("a failed check is named with its reason", async () => {
  const readiness = new Readiness(() => [passes("a", "every"), fails("b", "every")], new FakeClock());
  assertEquals(readiness.last, null);
  const answer = await readiness.ask();
  assertEquals(answer, { ready: false, missing: { b: "b is gone" }, degraded: {}, unknown: {} });
  assertEquals(readiness.last, answer);
});

Deno.test("a check that can't be made is reported and doesn't affect readiness", async () => {
  const run = () => {
    throw new Inconclusive("others may");
  };
  const readiness = new Readiness(() => [{ name: "a", need: "every", run }], new FakeClock());
  assertEquals(await readiness.ask(), { ready: true, missing: {}, degraded: {}, unknown: { a: "others may" } });
});

Deno.test("a good answer is cached for ten seconds, a bad one for two, and concurrent requests share one run", async () => {
  const clock = new FakeClock();
  let runs = 0, good = true;
  const run = () => {
    runs++;
    if (!good) throw new Error("no");
  };
  const readiness = new Readiness(() => [{ name: "a", need: "every", run }], clock);
  await Promise.all([readiness.ask(), readiness.ask()]);
  assertEquals(runs, 1);
  good = false;
  await clock.advance(9_999);
  assertEquals((await readiness.ask()).ready, true);
  await clock.advance(1);
  assertEquals((await readiness.ask()).ready, false);
  good = true;
  await clock.advance(1_999);
  assertEquals((await readiness.ask()).ready, false);
  await clock.advance(1);
  assertEquals((await readiness.ask()).ready, true);
  assertEquals(runs, 3);
});

Deno.test("a handler that is ending is not ready, whatever its checks say", async () => {
  const readiness = new Readiness(() => [], new FakeClock());
  assertEquals((await readiness.ask()).ready, true);
  readiness.end();
  assertEquals(await readiness.ask(), {
    ready: false,
    missing: { handler: "shutting down" },
    degraded: {},
    unknown: {},
  });
  assertEquals(readiness.last?.ready, false);
});

Deno.test("one working server is enough; the failures of others are named as degraded", async () => {
  const key = fails("key", "none");
  const cases: [Check[], boolean, string[], string[]][] = [
    [[passes("1", "any"), fails("2", "any"), fails("3", "any")], true, [], ["2", "3"]],
    [[fails("1", "any"), fails("2", "any"), fails("3", "any")], false, ["1", "2", "3"], []],
    [[passes("rules", "every"), passes("1", "any"), key], true, [], ["key"]],
    [[fails("rules", "every"), passes("1", "any"), fails("2", "any")], false, ["rules"], ["2"]],
    [[fails("1", "any"), key], false, ["1"], ["key"]],
    [[key], true, [], ["key"]],
    [[], true, [], []],
  ];
  for (const [checks, ready, missing, degraded] of cases) {
    const answer = await new Readiness(() => checks, new FakeClock()).ask();
    const names = { missing: Object.keys(answer.missing), degraded: Object.keys(answer.degraded) };
    assertEquals({ ready: answer.ready, ...names }, { ready, missing, degraded });
  }
});

Deno.test("a server that doesn't answer is not waited for when another one can serve", async () => {
  const clock = new FakeClock();
  const slow = Promise.withResolvers<void>();
  const checks: Check[] = [passes("1", "any"), { name: "2", need: "any", run: () => slow.promise }];
  const readiness = new Readiness(() => checks, clock);
  const asked = readiness.ask();
  await clock.advance(500);
  assertEquals(await asked, { ready: true, missing: {}, degraded: {}, unknown: { 2: "no answer yet" } });
  // The late result becomes part of the cached answer.
  slow.reject(new Error("no answer within 5 s"));
  await settle();
  assertEquals((await readiness.ask()).degraded, { 2: "no answer within 5 s" });
  assertEquals(readiness.last, await readiness.ask());
});

Deno.test("checks that the handler can't serve without are waited for", async () => {
  for (const checks of [[passes("1", "any"), hangs("rules", "every")], [fails("1", "any"), hangs("2", "any")]]) {
    const clock = new FakeClock();
    let answered = false;
    new Readiness(() => checks, clock).ask().then(() => answered = true);
    await clock.advance(60_000);
    assertEquals(answered, false);
  }
});
