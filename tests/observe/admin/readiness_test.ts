import { assertEquals } from "@std/assert";
import { NotLookedAt, Readiness } from "../../../src/observe/admin/readiness.ts";
import { FakeClock } from "../../support/fake_clock.ts";

Deno.test("what is missing is named, with why", async () => {
  const checks = [
    { name: "a", run: () => {} },
    { name: "b", run: () => Promise.reject(new Error("it is gone")) },
  ];
  const readiness = new Readiness(() => checks, new FakeClock());
  assertEquals(await readiness.ask(), { ready: false, missing: { b: "it is gone" }, unknown: {} });
});

Deno.test("what can't be looked at is said, and keeps nobody from being ready", async () => {
  const run = () => {
    throw new NotLookedAt("others may");
  };
  const readiness = new Readiness(() => [{ name: "a", run }], new FakeClock());
  assertEquals(await readiness.ask(), { ready: true, missing: {}, unknown: { a: "others may" } });
});

Deno.test("a good answer holds for ten seconds, a bad one for two, and who asks meanwhile starts nothing", async () => {
  const clock = new FakeClock();
  let runs = 0, good = true;
  const run = () => {
    runs++;
    if (!good) throw new Error("no");
  };
  const readiness = new Readiness(() => [{ name: "a", run }], clock);
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
  assertEquals(await readiness.ask(), { ready: false, missing: { handler: "it is ending" }, unknown: {} });
});
