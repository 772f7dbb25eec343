import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Lookups, systemResolve } from "../../../src/net/names/lookups.ts";
import type { Resolve } from "../../../src/net/names/resolve.ts";
import { NameCache, REFRESH_INTERVAL, RETRY_INTERVAL } from "../../../src/net/names/name_cache.ts";
import { FakeClock, settle } from "../../support/time/fake_clock.ts";
import { Lines } from "../../support/handlers/world.ts";

/** A resolver whose answers the test sets, with a count of its calls. */
function setUp(hosts: Record<string, readonly string[] | Error>) {
  const clock = new FakeClock(), lines = new Lines();
  const scene = { clock, lines, hosts, asked: 0 };
  const resolve: Resolve = (name) => {
    scene.asked++;
    const answer = hosts[name]!;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  const lookups = new Lookups({ clock, resolve });
  return { ...scene, scene, options: { lookups, clock, timeout: 5000, log: lines.log } };
}

Deno.test("a name is resolved on construction, to distinct addresses in canonical spelling", async () => {
  const { scene, options, clock } = setUp({ web: ["192.0.2.1", "2001:DB8::1", "::ffff:192.0.2.1", "192.0.2.2"] });
  const names = new NameCache(["web"], options);
  const answer = await names.get("web");
  assertEquals(answer, ["192.0.2.1", "2001:db8::1", "192.0.2.2"]);
  assertEquals([await names.get("web") === answer, scene.asked, await names.unresolved()], [true, 1, []]);
  assertEquals(["192.0.2.2", "192.0.2.3"].map((host) => names.owns("web", host)), [true, false]);
  names.close();
  assertEquals(clock.pending, 0);
});

Deno.test("names are resolved every minute, and the array changes only with the addresses", async () => {
  const { hosts, scene, options, clock } = setUp({ web: ["192.0.2.1"] });
  const names = new NameCache(["web"], options);
  const first = await names.get("web");
  await clock.advance(REFRESH_INTERVAL);
  assertEquals([scene.asked, await names.get("web") === first], [2, true]);
  hosts["web"] = ["192.0.2.2"];
  await clock.advance(REFRESH_INTERVAL);
  assertEquals(await names.get("web"), ["192.0.2.2"]);
  names.close();
});

Deno.test("the last answer holds while a name can't be resolved; start and end are logged once", async () => {
  const { hosts, scene, options, clock, lines } = setUp({ web: ["192.0.2.1"] });
  const names = new NameCache(["web"], options);
  await names.get("web");
  hosts["web"] = new Error("the name is not known");
  await clock.advance(REFRESH_INTERVAL + 3 * RETRY_INTERVAL);
  assertEquals([await names.get("web"), scene.asked], [["192.0.2.1"], 5]);
  assertEquals(lines.all.map(({ event, reason, kept }) => [event, reason, kept]), [
    ["name not resolved", "web: the name is not known", "192.0.2.1"],
  ]);
  hosts["web"] = ["192.0.2.1"];
  await clock.advance(RETRY_INTERVAL);
  assertEquals(lines.all.at(-1)!.event, "name resolved again");
  names.close();
});

Deno.test("a name that never resolved is an error with its name", async () => {
  const { hosts, options, clock } = setUp({ web: new Error("the name is not known"), db: [] });
  const names = new NameCache(["web", "db"], options);
  await assertRejects(() => names.get("web"), Error, "web: the name is not known");
  await assertRejects(() => names.get("db"), Error, "db: the name has no address");
  assertEquals(await names.unresolved(), ["web", "db"]);
  hosts["web"] = ["192.0.2.1"];
  await clock.advance(RETRY_INTERVAL);
  assertEquals([await names.get("web"), await names.unresolved()], [["192.0.2.1"], ["db"]]);
  names.close();
});

Deno.test("a look-up that exceeds the time limit fails", async () => {
  const { options, clock } = setUp({});
  const names = new NameCache(["web"], {
    ...options,
    lookups: new Lookups({ clock, resolve: () => new Promise(() => {}) }),
  });
  const waiting = assertRejects(() => names.get("web"), Error, "web: no answer within 5 s");
  await clock.advance(5000);
  await waiting;
  names.close();
  assertEquals(clock.pending, 0);
});

Deno.test("a former address counts as the name's own for another hour", async () => {
  const { hosts, options, clock } = setUp({ web: ["192.0.2.1"] });
  const names = new NameCache(["web"], options);
  await names.get("web");
  hosts["web"] = ["192.0.2.2"];
  await clock.advance(REFRESH_INTERVAL);
  await clock.advance(3_600_000 - REFRESH_INTERVAL - 1);
  assertEquals(["192.0.2.1", "192.0.2.2"].map((host) => names.owns("web", host)), [true, true]);
  await clock.advance(1);
  assertEquals(["192.0.2.1", "192.0.2.2"].map((host) => names.owns("web", host)), [false, true]);
  names.close();
});

Deno.test("a closed cache resolves nothing", async () => {
  const { scene, options, clock } = setUp({ web: ["192.0.2.1"] });
  const names = new NameCache(["web"], options);
  names.close();
  await settle();
  await clock.advance(10 * REFRESH_INTERVAL);
  assertEquals([scene.asked, clock.pending], [1, 0]);
});

Deno.test("the system resolves localhost, but no name under .invalid", async () => {
  const clock = new FakeClock();
  const [first] = await new Lookups({ clock }).addresses("localhost", { timeout: 5000 });
  assertMatch(first!, /^(127\.|::1$)/);
  await assertRejects(() => systemResolve("nothing.invalid"), Error);
});
