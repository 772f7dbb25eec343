import { assertLess } from "@std/assert";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { startPair } from "../support/handlers/handlers.ts";
import { connect, drain, flood, pattern, readExactly, Target } from "../support/programs/tcp.ts";

/** Maximum time of a small request and its answer while another session is saturated, in milliseconds. */
const PATIENCE = 300;

/** Maximum rounds of exchanges; the machine must be idle in at least one. */
const TRIES = 8;

/** Median time of an exchange, in milliseconds. */
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
  Deno.test(`a small exchange stays prompt while another session is saturated ${direction}`, async () => {
    using target = new Target();
    await using pair = await startPair({ target: target.address });
    using busy = await connect(pair.entry);
    const busyServed = await target.accept(pair);
    using small = await connect(pair.entry);
    const smallServed = await target.accept(pair);
    const [sender, receiver] = direction === "up" ? [busy, busyServed] : [busyServed, busy];
    const enough = new AbortController();
    const load = Promise.all([flood(sender, pattern(64 * 1024), { until: enough.signal }), drain(receiver)]);

    // An unfair handler is slow in every round.
    let fastest = Infinity;
    for (let tries = 0; tries < TRIES && fastest >= PATIENCE; tries++) {
      fastest = Math.min(fastest, await exchanged(small, smallServed));
    }
    enough.abort();
    sender.reset();
    await load;
    assertLess(fastest, PATIENCE);
  });
}
