import { assertEquals, assertLessOrEqual } from "@std/assert";
import { limitsFor } from "../../src/client/limits.ts";

/** A client configuration with one server for each number of channels. */
function client(...channels: number[]) {
  const servers = channels.map((length, index) => ({
    name: `s${index}`,
    channels: Array.from({ length }, (_, at) => ({ host: `192.0.2.${at + 1}`, port: 6522 })),
  }));
  return { servers, warm: 1, limits: {} };
}

Deno.test("derived limits fit into the limit of open files", () => {
  for (const files of [64, 128, 256, 1024, 4096, 65536, 1_048_576, Infinity]) {
    for (const channels of [2, 3, 16]) {
      const { pending, sessions } = limitsFor(client(channels), files);
      const most = Math.max(files, 64 + 64 + 2 * channels);
      assertLessOrEqual(
        pending + (sessions + 1) * (channels + 1) + 64,
        most + 1,
        `${files} files, ${channels} channels`,
      );
    }
  }
});

Deno.test("1,024 files suffice for 240 incomplete requests and 179 sessions of three channels", () => {
  assertEquals(limitsFor(client(3), 1024), { pending: 240, sessions: 179, possible: 179 });
  assertEquals(limitsFor(client(), null), limitsFor(client(3), 1024));
  assertEquals(limitsFor(client(2, 5), 1024).sessions, Math.floor((960 - 240 - 10) / 6));
});

Deno.test("each worker keeps associations ready, which leaves fewer files for sessions", () => {
  const two = limitsFor(client(3), 1024, { count: 2 });
  assertEquals(two, { pending: 240, sessions: 178, possible: 178 });
  assertEquals(limitsFor({ ...client(3), limits: { sessions: 7 } }, 1024, { count: 64 }).sessions, 7);
});

Deno.test("configured limits take precedence", () => {
  assertEquals(limitsFor({ ...client(3), limits: { sessions: 7 } }, 1024), {
    pending: 240,
    sessions: 7,
    possible: 179,
  });
});
