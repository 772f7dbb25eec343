import { assertEquals } from "@std/assert";
import type { Connection, Listener } from "../../../src/net/connection.ts";
import { acceptAll } from "../../../src/net/listen/accept_loop.ts";
import { createLog } from "../../../src/log/log.ts";
import { FakeClock, settle } from "../../support/time/fake_clock.ts";

/** A listener that accepts or fails with each of `results` in turn, and is closed after the last. */
function listenerOf(...results: readonly (Connection | Error)[]): Listener {
  const left = [...results];
  return {
    address: { host: "127.0.0.1", port: 80 },
    accept() {
      const next = left.shift();
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next ?? null);
    },
    close() {},
  };
}

const connection = {} as Connection;

Deno.test("accepting resumes 100 ms after a failure, and logs one failure in ten seconds", async () => {
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = createLog({ format: "json", write: (line) => lines.push(JSON.parse(line).reason) });
  const results = Array.from({ length: 102 }, (_, index) => [new Error(`${index}`), connection]).flat();
  let taken = 0;
  const ended = acceptAll(listenerOf(...results), () => taken++, { log, clock });
  await clock.advance(99);
  assertEquals(taken, 0);
  await clock.advance(1);
  assertEquals(taken, 1);
  for (let wait = 1; wait < 102; wait++) {
    // Polling for events takes real time, which the fake clock does not measure.
    for (let ms = 0; clock.pending === 0 && ms < 1000; ms++) await new Promise((resolve) => setTimeout(resolve, 1));
    await clock.advance(100);
  }
  await ended;
  assertEquals(lines, ["Error: 0", "Error: 100"]);
  assertEquals([taken, clock.pending], [102, 0]);
});

Deno.test("a full queue of connections does not starve everything else", async () => {
  let taken = 0;
  const ended = acceptAll(listenerOf(...Array(100).fill(connection)), () => taken++);
  const seen: number[] = [];
  for (let turn = 0; turn < 4; turn++) {
    await settle();
    seen.push(taken);
  }
  await ended;
  assertEquals(taken, 100);
  assertEquals(seen[0]! <= 64, true, `${seen}`);
});
