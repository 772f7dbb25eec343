import { assertEquals } from "@std/assert";
import { SourceRate } from "../../src/server/source_rate.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

/** Counts the admitted among `count` connections. */
function admitted(rate: SourceRate, host: string, count: number): number {
  return Array.from({ length: count }, () => rate.admits(host)).filter(Boolean).length;
}

Deno.test("a source may make a burst of ten seconds' worth of connections, and then the configured number per second", async () => {
  const clock = new FakeClock();
  const rate = new SourceRate(clock, () => 5);
  assertEquals(admitted(rate, "192.0.2.1", 100), 50);
  assertEquals(admitted(rate, "192.0.2.2", 100), 50);
  await clock.advance(1000);
  assertEquals(admitted(rate, "192.0.2.1", 100), 5);
  await clock.advance(100);
  assertEquals(admitted(rate, "192.0.2.1", 100), 0);
  await clock.advance(100);
  assertEquals(admitted(rate, "192.0.2.1", 100), 1);
  await clock.advance(3_600_000);
  assertEquals(admitted(rate, "192.0.2.1", 100), 50);
});

Deno.test("an IPv6 source is its /64 network", () => {
  const rate = new SourceRate(new FakeClock(), () => 1);
  assertEquals([admitted(rate, "2001:db8::1", 6), admitted(rate, "2001:db8::2", 6)], [6, 4]);
  assertEquals(admitted(rate, "2001:db8:0:1::1", 11), 10);
});

Deno.test("0 is unlimited, and a changed limit applies from the next connection", () => {
  let limit = 0;
  const rate = new SourceRate(new FakeClock(), () => limit);
  assertEquals(admitted(rate, "192.0.2.1", 100_000), 100_000);
  limit = 1;
  assertEquals(admitted(rate, "192.0.2.1", 100), 10);
});

Deno.test("the least recent of too many sources is forgotten, and starts with a full burst", () => {
  const rate = new SourceRate(new FakeClock(), () => 1);
  assertEquals(admitted(rate, "192.0.2.1", 11), 10);
  for (let index = 0; index < 16_384; index++) rate.admits(`10.0.${index >> 8}.${index & 255}`);
  assertEquals(admitted(rate, "192.0.2.1", 11), 10);
});
