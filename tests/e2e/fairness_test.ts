import { assertLess } from "@std/assert";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { startPair } from "../support/handlers/handlers.ts";
import { connect, drain, flood, pattern, readExactly, Target } from "../support/programs/tcp.ts";

/** How long a small question and answer may take beside a session that sends all it can, in milliseconds. */
const PATIENCE = 300;

/** How many rounds of exchanges there are at most: in one of them the machine may leave the handlers alone. */
const TRIES = 8;

/** How long an exchange takes, of many the one in the middle, in milliseconds. */
async function exchanged(near: Connection, far: Connection): Promise<number> {
  const took: number[] = [];
  const question = pattern(100);
  for (let i = 0; i < 20; i++) {
    const began = performance.now();
    await writeAll(near, question);
    await writeAll(far, await readExactly(far, question.length));
    await readExactly(near, question.length);
    took.push(performance.now() - began);
  }
  return took.toSorted((a, b) => a - b)[took.length >> 1]!;
}

for (const direction of ["up", "down"] as const) {
  Deno.test(`a small exchange stays prompt beside a session that is saturated ${direction}`, async () => {
    using target = new Target();
    await using pair = await startPair({ target: target.address });
    using busy = await connect(pair.entry);
    const busyServed = await target.accept(pair);
    using small = await connect(pair.entry);
    const smallServed = await target.accept(pair);
    const [sender, receiver] = direction === "up" ? [busy, busyServed] : [busyServed, busy];
    const enough = new AbortController();
    const load = Promise.all([flood(sender, pattern(64 * 1024), { until: enough.signal }), drain(receiver)]);

    // What a handler does not get to in time takes as long in every round.
    let beside = Infinity;
    for (let tries = 0; tries < TRIES && beside >= PATIENCE; tries++) {
      beside = Math.min(beside, await exchanged(small, smallServed));
    }
    enough.abort();
    sender.reset();
    await load;
    assertLess(beside, PATIENCE);
  });
}
