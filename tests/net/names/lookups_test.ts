import { assertEquals, assertRejects } from "@std/assert";
import { Lookups, MAX_PER_SOURCE, MAX_UNDER_WAY } from "../../../src/net/names/lookups.ts";
import { FakeClock, settle } from "../../support/time/fake_clock.ts";

/** Look-ups that the test settles by name. */
function setUp() {
  const clock = new FakeClock();
  const asked: string[] = [];
  const answers = new Map<string, PromiseWithResolvers<readonly string[]>>();
  const resolve = (name: string) => {
    asked.push(name);
    const answer = Promise.withResolvers<readonly string[]>();
    answers.set(name, answer);
    return answer.promise;
  };
  const lookups = new Lookups({ clock, resolve });
  const ask = (name: string, source?: string) =>
    lookups.addresses(name, { timeout: 5000, ...source !== undefined && { source } });
  return { clock, asked, answers, lookups, ask };
}

Deno.test("look-ups under way are bounded per source and in total", async () => {
  const { asked, ask, clock } = setUp();
  const all = Array.from({ length: 40 }, (_, index) => ask(`a${index}`, "a"));
  await settle();
  assertEquals(asked.length, MAX_PER_SOURCE);
  for (let source = 0; source < 40; source++) all.push(ask(`b${source}`, `b${source}`));
  await settle();
  assertEquals(asked.length, MAX_UNDER_WAY);
  await Promise.all([
    ...all.map((one) => assertRejects(() => one, Error, "no answer within 5 s")),
    clock.advance(5000),
  ]);
  assertEquals(clock.pending, 0);
});

Deno.test("sources take turns, so that one with many names does not delay others", async () => {
  const { asked, answers, ask } = setUp();
  const all = ["a", "b", "c"].flatMap((source) =>
    Array.from({ length: 9 }, (_, index) => ask(`${source}${index}`, source))
  );
  const late = ask("late", "d");
  await settle();
  assertEquals(asked.includes("late"), false);
  answers.get("a0")!.resolve(["192.0.2.1"]);
  await settle();
  assertEquals(asked.at(-1), "late");
  answers.get("late")!.resolve(["192.0.2.2"]);
  assertEquals(await late, ["192.0.2.2"]);
  while (asked.length < 28) {
    for (const answer of answers.values()) answer.resolve(["192.0.2.1"]);
    await settle();
  }
  for (const answer of answers.values()) answer.resolve(["192.0.2.1"]);
  await Promise.all(all);
});

Deno.test("concurrent requests for a name share a look-up, and a later one starts another", async () => {
  const { asked, answers, ask } = setUp();
  const both = [ask("web", "a"), ask("web", "b")];
  answers.get("web")!.resolve(["192.0.2.1"]);
  assertEquals(await Promise.all(both), [["192.0.2.1"], ["192.0.2.1"]]);
  const again = ask("web");
  answers.get("web")!.resolve(["192.0.2.2"]);
  assertEquals([await again, asked], [["192.0.2.2"], ["web", "web"]]);
});

Deno.test("a look-up that timed out counts until the system has given up, too", async () => {
  const { asked, answers, ask, clock } = setUp();
  const first = Array.from({ length: MAX_PER_SOURCE }, (_, index) => ask(`a${index}`, "a"));
  const failing = first.map((one) => assertRejects(() => one, Error, "no answer within 5 s"));
  await clock.advance(5000);
  await Promise.all(failing);
  const next = ask("next", "a");
  await settle();
  assertEquals(asked.length, MAX_PER_SOURCE);
  answers.get("a0")!.reject(new Error("the name is not known"));
  await settle();
  answers.get("next")!.resolve(["192.0.2.1"]);
  assertEquals(await next, ["192.0.2.1"]);
});

Deno.test("a signal cancels a look-up with its reason", async () => {
  const { lookups, clock } = setUp();
  const giveUp = new AbortController();
  const asking = lookups.addresses("web", { timeout: 5000, signal: giveUp.signal });
  giveUp.abort(new RangeError("ending"));
  await assertRejects(() => asking, RangeError, "ending");
  assertEquals(clock.pending, 0);
});

Deno.test("addresses are distinct, canonical, bounded in number, and in the resolver's order", async () => {
  const { answers, ask } = setUp();
  const web = ask("web");
  answers.get("web")!.resolve(["192.0.2.9", "2001:DB8::1", "::ffff:192.0.2.9", "192.0.2.1"]);
  assertEquals(await web, ["192.0.2.9", "2001:db8::1", "192.0.2.1"]);
  const many = ask("many");
  answers.get("many")!.resolve(Array.from({ length: 100 }, (_, index) => `192.0.2.${index}`));
  assertEquals((await many).length, 16);
  const none = ask("none");
  answers.get("none")!.resolve([]);
  await assertRejects(() => none, Error, "none: the name has no address");
});
