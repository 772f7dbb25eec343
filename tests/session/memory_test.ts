/** Sessions that have ended hold nothing. */
import { assert, assertEquals } from "@std/assert";
import { bufferBytes } from "../../src/net/buffer_pool.ts";
import { Outgoing } from "../../src/session/outgoing.ts";
import { NotProcessedError, Requested } from "../../src/session/session.ts";
import { Random } from "../support/random/random.ts";
import { settle } from "../support/time/fake_clock.ts";
import { applicationPair, readAll, sendAll } from "../support/handlers/pair.ts";
import {
  carried,
  finishPair,
  OPEN,
  outcomeOf,
  pumped,
  type SessionPair,
  sessionPair,
  startSession,
  taken,
} from "../support/handlers/session_pair.ts";

/** Sessions side by side that end in order, and one that is asked again. */
async function run(pair: SessionPair): Promise<void> {
  const left = await sessionPair(), random = new Random(1);
  await Promise.all([1, 600, 20_000, 300_000, 2_000_000].map(async (length) => {
    const { application, target, client, server } = await startSession(pair);
    const [up, down] = [random.bytes(length), random.bytes(3 * length)];
    const [got] = await Promise.all([
      readAll(target),
      readAll(application),
      sendAll(application, up),
      sendAll(target, down),
    ]);
    assertEquals([got.length, await client, await server], [length, null, null]);
    application.close();
    target.close();
  }));
  const [application, inside] = await applicationPair(pair.outside);
  await sendAll(application, random.bytes(5_000));
  const traffic = { sent: 0, received: 0 }, outgoing = new Outgoing(inside, traffic, true);
  left.serverStreams.leave();
  for (const { clientStreams } of [left, pair]) {
    const incoming = new Requested(traffic);
    const stream = clientStreams.open(OPEN, incoming);
    const asked = outcomeOf(carried(inside, stream, incoming, { outgoing, reused: "fresh" }));
    await settle();
    if (clientStreams === left.clientStreams) {
      assert(await asked instanceof NotProcessedError);
      continue;
    }
    const { stream: opened, incoming: receiver } = await pair.opened();
    const [target, far] = await applicationPair(pair.outside);
    opened.answer(0);
    const sent = pumped(new Outgoing(far, { sent: 0, received: 0 }), opened);
    const received = taken(receiver, opened, far);
    await target.closeWrite();
    assertEquals((await readAll(target)).length, 5_000);
    await Promise.all([received, sent]);
    assertEquals(await asked, null);
    for (const end of [target, far]) end.close();
  }
  application.close();
  await finishPair({ ...left, outside: left.network });
}

Deno.test("all pooled memory is given back once sessions have ended in order", async () => {
  const pair = await sessionPair();
  for (let round = 0; round < 3; round++) await run(pair);
  const before = bufferBytes();
  for (let round = 0; round < 3; round++) {
    await run(pair);
    const { inUse, free } = bufferBytes();
    // Buffers that were being read into when their connection ended are left to the garbage collector.
    assert(free >= before.free - 100_000, `${free} bytes free, ${before.free} before`);
    assert(inUse <= before.inUse, `${inUse} bytes in use, ${before.inUse} before`);
  }
  await finishPair(pair);
});
