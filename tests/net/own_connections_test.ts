import { assertEquals } from "@std/assert";
import { OwnConnections } from "../../src/net/own_connections.ts";

const PATH = "10.0.0.1:50000,192.0.2.1:6522", OTHER = "10.0.0.1:50001,192.0.2.1:6522";

/** Two workers with the same memory and a clock that the test sets. */
function pair(): { one: OwnConnections; other: OwnConnections; at: { now: number } } {
  const at = { now: Date.UTC(2030, 0, 1) };
  const cells = new Int32Array(new SharedArrayBuffer(OwnConnections.SIZE));
  return { one: new OwnConnections(cells, () => at.now), other: new OwnConnections(cells, () => at.now), at };
}

Deno.test("a connection made by one worker is known to another for three seconds", () => {
  const { one, other, at } = pair();
  assertEquals(other.has(PATH), false);
  one.made(PATH);
  assertEquals([other.has(PATH), other.has(OTHER)], [true, false]);
  at.now += 3_000;
  assertEquals(other.has(PATH), true);
  at.now += 1_000;
  assertEquals(other.has(PATH), false);
});

Deno.test("a port is pending until all connections to it are settled", () => {
  const { one, other } = pair();
  one.pending(65_535, 1);
  other.pending(65_535, 1);
  one.pending(65_535, -1);
  assertEquals([one.isPending(65_535), one.isPending(0)], [true, false]);
  other.pending(65_535, -1);
  assertEquals(one.isPending(65_535), false);
});

Deno.test("most of ten thousand connections are remembered, and no others", () => {
  const { one, other } = pair();
  const paths = Array.from({ length: 10_000 }, (_, at) => `10.0.0.1:${50_000 + at % 10_000},192.0.2.${at % 7}:6522`);
  for (const path of paths) one.made(path);
  const known = paths.filter((path) => other.has(path)).length;
  assertEquals(known > 9_000, true, `${known}`);
  assertEquals(paths.some((path) => other.has(`${path}0`)), false);
});
