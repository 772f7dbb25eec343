import { assertEquals } from "@std/assert";
import { acceptAll } from "../../../src/net/listen/accept_loop.ts";
import type { Connection, Listener } from "../../../src/net/connection.ts";
import { createLog } from "../../../src/log/log.ts";
import { FakeClock, settle } from "../../support/time/fake_clock.ts";

/** A listener that gives what it is told, and then nothing more. */
function listenerOf(...given: readonly (Connection | Error)[]): Listener {
  const left = [...given];
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

Deno.test("accepting goes on a moment after it failed, and says so once in ten seconds", async () => {
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = createLog({ format: "json", write: (line) => lines.push(JSON.parse(line).reason) });
  const failures = Array.from({ length: 102 }, (_, index) => [new Error(`${index}`), connection]).flat();
  let taken = 0;
  const over = acceptAll(listenerOf(...failures), () => taken++, log, clock);
  await clock.advance(99);
  assertEquals(taken, 0);
  await clock.advance(1);
  assertEquals(taken, 1);
  for (let wait = 1; wait < 102; wait++) {
    // Now and then the runtime looks around, in time that is no fake clock's.
    for (let ms = 0; clock.pending === 0 && ms < 1000; ms++) await new Promise((resolve) => setTimeout(resolve, 1));
    await clock.advance(100);
  }
  await over;
  assertEquals(lines, ["Error: 0", "Error: 100"]);
  assertEquals([taken, clock.pending], [102, 0]);
});

Deno.test("while connections wait to be accepted, all else has its turn", async () => {
  let taken = 0;
  const over = acceptAll(listenerOf(...Array(100).fill(connection)), () => taken++);
  const seen: number[] = [];
  for (let turn = 0; turn < 4; turn++) {
    await settle();
    seen.push(taken);
  }
  await over;
  assertEquals(taken, 100);
  assertEquals(seen[0]! <= 64, true, `${seen}`);
});
