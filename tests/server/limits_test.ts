import { assertEquals, assertLessOrEqual } from "@std/assert";
import { limitsFor, waitingLimit } from "../../src/server/limits.ts";

Deno.test("derived limits fit into the number of files that may be open", () => {
  for (const files of [64, 128, 256, 1024, 4096, 65536, 1_048_576, Infinity]) {
    for (const channels of [2, 3, 16]) {
      const { waiting, associations } = limitsFor({}, files, channels);
      assertLessOrEqual(waiting + associations * (channels + 1) + 64, Math.max(files, 64 + 64 + channels));
    }
  }
});

Deno.test("1,024 files allow 240 waiting connections, 60 per source, and 180 associations of three channels", () => {
  assertEquals(limitsFor({}, 1024, 3), {
    ...{ waiting: 240, waitingPerSource: 60, associations: 180, idlePerSource: 45 },
    ...{ lent: 4 / 3, acceptRate: 2000, possible: 180 },
  });
  assertEquals(limitsFor({}, null, 3), limitsFor({}, 1024, 3));
});

Deno.test("configured limits take precedence", () => {
  const configured = { waiting: 7, waitingPerSource: 3, associations: 5, acceptRate: 0 };
  assertEquals(limitsFor(configured, 1024, 3), { ...configured, lent: 0, possible: 238, idlePerSource: 1 });
});

Deno.test("possible associations lend a third of their files to waiting connections", () => {
  const limits = limitsFor({}, 1024, 3);
  assertEquals([0, 90, 180, 200].map((associations) => waitingLimit(associations, limits)), [480, 360, 240, 240]);
  assertEquals(waitingLimit(0, limitsFor({ waiting: 10 }, 1024, 3)), 10);
  assertEquals(waitingLimit(0, limitsFor({}, 1_000_000, 3)), 8192);
});
