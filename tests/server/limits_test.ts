import { assert, assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import type { ServerLimits } from "../../src/config/types.ts";
import { filesUsed, limitReached, limitsFor, type Usage, waitingLimit } from "../../src/server/limits.ts";
import { fc } from "../support/random/property.ts";

const STREAMS = { streams: 4096, credit: 4_194_304 };
const NONE: Usage = { associations: 0, sessions: 0 };

const derived = (files: number | null, channels = 3, configured: Partial<ServerLimits> = {}) =>
  limitsFor({ ...STREAMS, ...configured }, files, channels);

/** Admits what `wishes` asks for, in turn, as long as there is room. */
function admit(wishes: Iterable<"association" | "session">, limits: ReturnType<typeof limitsFor>): Usage {
  let usage = NONE;
  for (const wanted of wishes) {
    if (limitReached(wanted, usage, limits) !== null) continue;
    if (wanted === "session" && usage.associations === 0) continue;
    const { associations, sessions } = usage;
    usage = wanted === "session"
      ? { associations, sessions: sessions + 1 }
      : { associations: associations + 1, sessions };
  }
  return usage;
}

Deno.test("derived limits fit into the number of files that may be open", () => {
  for (const limit of [64, 128, 256, 1024, 4096, 65536, 1_048_576, Infinity]) {
    for (const channels of [2, 3, 16]) {
      const { waiting, files, associations } = derived(limit, channels);
      assertLessOrEqual(waiting + files + 64, Math.max(limit, 64 + 64 + channels));
      assertLessOrEqual(associations * (channels + 1), files);
    }
  }
});

Deno.test("1,024 files allow 240 waiting connections, 60 per source, and 720 channels and targets", () => {
  assertEquals(derived(1024), {
    ...{ waiting: 240, waitingPerSource: 60, lent: 1 / 3, acceptRate: 2000 },
    ...{
      associations: 180,
      idlePerSource: 45,
      sessions: 717,
      sessionsPerSource: 717,
      sessionsPerClient: 717,
      ...STREAMS,
    },
    ...{ files: 720, channels: 3, possible: { associations: 180, sessions: 717 } },
  });
  assertEquals(derived(null), derived(1024));
});

Deno.test("configured limits take precedence", () => {
  const configured = {
    ...{ waiting: 7, waitingPerSource: 3, associations: 5, acceptRate: 0 },
    ...{ sessions: 9, sessionsPerSource: 4, sessionsPerClient: 9, streams: 128, credit: 65_536 },
  };
  assertEquals(limitsFor(configured, 1024, 3), {
    ...configured,
    ...{ lent: 0, idlePerSource: 1, files: 953, channels: 3, possible: { associations: 238, sessions: 950 } },
  });
  assertEquals(derived(1024, 3, { sessions: 9 }).sessionsPerSource, 9);
});

Deno.test("a configured maximum of waiting connections leaves half of the files", () => {
  assertEquals(derived(1024, 3, { waiting: 1000 }).files, 480);
});

Deno.test("configured limits hold where the limit on open files is unknown", () => {
  assertEquals(derived(null, 3, { associations: 5000 }).files, 20_000);
  assertEquals(derived(null, 3, { sessions: 5000 }).files, 5003);
  assertEquals(derived(1024, 3, { associations: 5000, sessions: 5000 }).files, 720);
});

Deno.test("files go to one association for each session, to one for all sessions, or to any mixture", () => {
  const limits = derived(1024);
  const each = admit(Array.from({ length: 1000 }, () => ["association", "session"] as const).flat(), limits);
  assertEquals(each, { associations: 180, sessions: 180 });
  const one = admit(["association", ...Array<"session">(1000).fill("session")], limits);
  assertEquals(one, { associations: 1, sessions: 717 });
  const some = admit(
    [...Array<"association">(50).fill("association"), ...Array<"session">(1000).fill("session")],
    limits,
  );
  assertEquals(some, { associations: 50, sessions: 570 });
});

Deno.test("associations without sessions leave files for a session each", () => {
  const limits = derived(1024);
  const { associations } = admit(Array<"association">(1000).fill("association"), limits);
  assertEquals(associations, 180);
  const usage = admit(
    [...Array<"association">(1000).fill("association"), ...Array<"session">(180).fill("session")],
    limits,
  );
  assertEquals(usage, { associations: 180, sessions: 180 });
});

Deno.test("the limit that is reached has its name", () => {
  const limits = derived(1024, 3, { associations: 2, sessions: 4 });
  assertEquals(limitReached("association", { associations: 2, sessions: 0 }, limits), "associations");
  assertEquals(limitReached("session", { associations: 2, sessions: 0 }, limits), null);
  assertEquals(limitReached("session", { associations: 1, sessions: 4 }, limits), "sessions");
  assertEquals(limitReached("association", { associations: 1, sessions: 4 }, limits), null);
  const free = derived(1024);
  assertEquals(limitReached("session", { associations: 1, sessions: 716 }, free), null);
  assertEquals(limitReached("session", { associations: 2, sessions: 714 }, free), "files");
  // An association needs a file for its first session, too.
  assertEquals(limitReached("association", { associations: 1, sessions: 713 }, free), null);
  assertEquals(limitReached("association", { associations: 1, sessions: 714 }, free), "files");
});

Deno.test("whatever is asked for, the files suffice, and nothing is refused without a reason", () => {
  const wishes = fc.array(
    fc.tuple(fc.constantFrom("association" as const, "session" as const), fc.integer({ min: 1, max: 400 })),
    { maxLength: 12 },
  );
  const limit = fc.constantFrom(64, 100, 256, 1024, 2048);
  fc.assert(fc.property(wishes, limit, fc.integer({ min: 2, max: 16 }), (wishes, limit, channels) => {
    const limits = derived(limit, channels);
    const usage = admit(wishes.flatMap(([wanted, times]) => Array<typeof wanted>(times).fill(wanted)), limits);
    const used = filesUsed(usage, limits);
    assertLessOrEqual(used, limits.files);
    for (const [wanted, cost] of [["association", channels + 1], ["session", 1]] as const) {
      const reached = limitReached(wanted, usage, limits);
      if (reached === null) continue;
      if (reached === "files") assertGreater(used + cost, limits.files);
      else assert(usage[reached] >= limits[reached]);
    }
  }));
});

Deno.test("associations and sessions lend a third of the files that they could use to waiting connections", () => {
  const limits = derived(1024);
  const usages = [[0, 0], [90, 90], [1, 357], [180, 180], [200, 200]].map(([associations, sessions]) => ({
    associations: associations!,
    sessions: sessions!,
  }));
  assertEquals(usages.map((usage) => waitingLimit(usage, limits)), [480, 360, 360, 240, 240]);
  assertEquals(waitingLimit(NONE, derived(1024, 3, { waiting: 10 })), 10);
  assertEquals(waitingLimit(NONE, derived(1_000_000)), 8192);
});
