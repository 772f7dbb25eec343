import { assertEquals, assertLessOrEqual } from "@std/assert";
import type { AssociationChoice } from "../../src/config/types.ts";
import { limitReached, limitsFor } from "../../src/client/limits.ts";

const CREDIT = { credit: 4_194_304 };

/** A client configuration with one server for each number of channels. */
function client(associations: AssociationChoice, ...channels: number[]) {
  const servers = channels.map((length, index) => ({
    name: `s${index}`,
    channels: Array.from({ length }, (_, at) => ({ host: `192.0.2.${at + 1}`, port: 6522 })),
  }));
  return { servers, associations, warm: 1, limits: CREDIT };
}

Deno.test("derived limits fit into the limit of open files", () => {
  for (const limit of [64, 128, 256, 1024, 4096, 65536, 1_048_576, Infinity]) {
    for (const channels of [2, 3, 16]) {
      const { pending, sessions, files } = limitsFor(client("per-session", channels), limit);
      const most = Math.max(limit, 64 + 64 + 2 * channels);
      assertLessOrEqual(
        pending + (sessions + 1) * (channels + 1) + 64,
        most + 1,
        `${limit} files, ${channels} channels`,
      );
      assertLessOrEqual(pending + files + 64, most);

      const shared = limitsFor(client(2, channels), limit);
      assertEquals([shared.pending, shared.files], [pending, files]);
      assertLessOrEqual(shared.sessions + Math.min(2 * channels, Math.floor(files / 2)), files);
    }
  }
});

Deno.test("1,024 files suffice for 240 incomplete requests and 708 sessions over four associations of three channels", () => {
  const limits = { pending: 240, sessions: 708, possible: { sessions: 708 }, files: 720, ...CREDIT };
  assertEquals(limitsFor(client(4, 3), 1024), limits);
  assertEquals(limitsFor(client(4), null), limits);
  assertEquals(limitsFor(client(4, 2, 5), 1024).sessions, 720 - 2 * 4 * 5);
});

Deno.test("1,024 files suffice for 179 sessions that have an association of three channels each", () => {
  const limits = { pending: 240, sessions: 179, possible: { sessions: 179 }, files: 720, ...CREDIT };
  assertEquals(limitsFor(client("per-session", 3), 1024), limits);
  assertEquals(limitsFor(client("per-session", 2, 5), 1024).sessions, Math.floor((960 - 240 - 10) / 6));
});

Deno.test("each worker has associations of its own, which leaves fewer files for sessions", () => {
  assertEquals(limitsFor(client(4, 3), 1024, { count: 2 }).sessions, 696);
  assertEquals(limitsFor(client("per-session", 3), 1024, { count: 2 }).sessions, 178);
});

Deno.test("associations have half of the files set aside at most", () => {
  assertEquals(limitsFor(client(64, 16, 16), 1024, { count: 64 }).sessions, 360);
});

Deno.test("configured limits take precedence", () => {
  const limits = limitsFor({ ...client(4, 3), limits: { sessions: 7, credit: 65_536 } }, 1024, { count: 64 });
  assertEquals(limits, { pending: 240, sessions: 7, credit: 65_536, possible: { sessions: 360 }, files: 720 });
});

Deno.test("configured limits hold where the limit on open files is unknown", () => {
  const many = { sessions: 5000, ...CREDIT };
  assertEquals(limitsFor({ ...client(4, 3), limits: many }, null).files, 5012);
  assertEquals(limitsFor({ ...client("per-session", 3), limits: many }, null).files, 20_003);
  assertEquals(limitsFor({ ...client(4, 3), limits: many }, 1024).files, 720);
});

Deno.test("sessions and channels with learned servers, too, fit into the files", () => {
  const limits = limitsFor(client(4), 1024), session = { sessions: 1, channels: 0 };
  assertEquals(limitReached(session, { sessions: 707, channels: 12 }, limits), null);
  assertEquals(limitReached(session, { sessions: 708, channels: 3 }, limits), "sessions");
  assertEquals(limitReached(session, { sessions: 120, channels: 600 }, limits), "files");
  const association = { sessions: 0, channels: 5 };
  assertEquals(limitReached(association, { sessions: 708, channels: 7 }, limits), null);
  assertEquals(limitReached(association, { sessions: 708, channels: 8 }, limits), "files");
});

Deno.test("a lowered limit on sessions does not keep sessions under way from another association", () => {
  assertEquals(
    limitReached({ sessions: 0, channels: 3 }, { sessions: 9, channels: 3 }, { sessions: 4, files: 720 }),
    null,
  );
});
