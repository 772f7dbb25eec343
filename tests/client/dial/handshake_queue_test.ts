import { assertEquals, assertRejects } from "@std/assert";
import { HandshakeTimeout } from "../../../src/association/outcome.ts";
import { HandshakeQueue, MAX_HANDSHAKES } from "../../../src/client/dial/handshake_queue.ts";
import { FakeClock, settle } from "../../support/time/fake_clock.ts";

/** A queue, and the handshakes that it has begun and that are not over, the oldest first. */
function begin() {
  const clock = new FakeClock();
  const queue = new HandshakeQueue(clock, () => 5000);
  const underWay: PromiseWithResolvers<number>[] = [];
  const run = () =>
    queue.run(() => {
      const handshake = Promise.withResolvers<number>();
      underWay.push(handshake);
      return handshake.promise;
    });
  const finish = async (count: number) => {
    for (const handshake of underWay.splice(0, count)) handshake.resolve(0);
    await settle();
  };
  return { clock, queue, underWay, run, finish };
}

Deno.test("of a thousand handshakes a bounded number are under way at once, and all have their turn", async () => {
  const { clock, queue, underWay, run, finish } = begin();
  const all = Array.from({ length: 1000 }, run);
  for (let left = 1000; left > 0; left -= MAX_HANDSHAKES) {
    assertEquals(underWay.length, Math.min(MAX_HANDSHAKES, left));
    assertEquals(queue.waiting, Math.max(0, left - MAX_HANDSHAKES));
    await finish(MAX_HANDSHAKES);
  }
  await Promise.all(all);
  assertEquals([underWay.length, clock.pending], [0, 0]);
});

Deno.test("those that wait go on waiting while handshakes succeed, however long that takes", async () => {
  const { clock, underWay, run, finish } = begin();
  const all = Array.from({ length: MAX_HANDSHAKES + 10 }, run);
  for (let second = 0; second < 4; second++) {
    await clock.advance(4900);
    await finish(1);
  }
  while (underWay.length > 0) await finish(MAX_HANDSHAKES);
  await Promise.all(all);
  assertEquals(clock.pending, 0);
});

Deno.test("when no handshake succeeds for as long as one may take, those that wait fail as the others did", async () => {
  const { clock, underWay, run, finish } = begin();
  const first = Array.from({ length: MAX_HANDSHAKES }, run);
  const waiting = run();
  const failure = new RangeError("unreachable");
  const failing = assertRejects(() => first[0]!, RangeError);
  underWay.shift()!.reject(failure);
  await failing;
  const late = assertRejects(run, RangeError, "unreachable");
  await clock.advance(5000);
  await late;
  await finish(MAX_HANDSHAKES);
  await waiting;

  const { clock: other, run: runOther, finish: finishOther } = begin();
  const silent = Array.from({ length: MAX_HANDSHAKES }, runOther);
  const without = assertRejects(runOther, HandshakeTimeout, "no handshake has succeeded within 5 s");
  await other.advance(5000);
  await without;
  await finishOther(MAX_HANDSHAKES);
  await Promise.all(silent);
});

Deno.test("one that waits goes on beyond the bound when an association has become idle, and no more than one", async () => {
  const { queue, underWay, run, finish } = begin();
  const all = Array.from({ length: MAX_HANDSHAKES + 2 }, run);
  queue.offer();
  await settle();
  assertEquals([underWay.length, queue.waiting], [MAX_HANDSHAKES + 1, 1]);
  await finish(1);
  assertEquals([underWay.length, queue.waiting], [MAX_HANDSHAKES, 1]);
  while (underWay.length > 0) await finish(MAX_HANDSHAKES);
  await Promise.all(all);
  // With nothing that waits it changes nothing.
  queue.offer();
  assertEquals(queue.waiting, 0);
});

Deno.test("one that times out while others succeed is repeated, a few times; one that fails otherwise is not", async () => {
  const { clock, underWay, run, finish } = begin();
  const timeout = new HandshakeTimeout("late");
  const failing = assertRejects(run, HandshakeTimeout, "late");
  const inVain = assertRejects(run, RangeError);
  await settle();
  const unlucky = [underWay.shift()!, underWay.shift()!];
  const succeed = async () => {
    const other = run();
    await settle();
    // Behind the one that is repeated.
    underWay.pop()!.resolve(0);
    await other;
  };
  await succeed();
  unlucky[1]!.reject(new RangeError("refused"));
  await inVain;
  unlucky[0]!.reject(timeout);
  await settle();
  for (let repeat = 0; repeat < 3; repeat++) {
    assertEquals(underWay.length, 1);
    await succeed();
    underWay.shift()!.reject(timeout);
    await settle();
  }
  await failing;
  assertEquals(underWay.length, 0);

  const alone = assertRejects(run, HandshakeTimeout);
  await settle();
  underWay.shift()!.reject(timeout);
  await alone;
  await finish(MAX_HANDSHAKES);
  assertEquals(clock.pending, 0);
});

Deno.test("where handshakes are slow fewer are under way, and more again once they are not", async () => {
  const { clock, underWay, run, finish } = begin();
  const all = Array.from({ length: 200 }, run);
  await clock.advance(1100);
  await finish(MAX_HANDSHAKES);
  assertEquals(underWay.length, 4);
  for (let round = 0; round < 10; round++) await finish(4);
  assertEquals(underWay.length > 4, true);
  while (underWay.length > 0) await finish(MAX_HANDSHAKES);
  await Promise.all(all);
  assertEquals(clock.pending, 0);
});
