import { assertEquals, assertRejects } from "@std/assert";
import { HandshakeTimeout } from "../../../src/association/outcome.ts";
import { HandshakeQueue, MAX_HANDSHAKES } from "../../../src/client/dial/handshake_queue.ts";
import { FakeClock, settle } from "../../support/time/fake_clock.ts";

/** A queue and its handshakes under way, oldest first. */
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

Deno.test("of a thousand handshakes, a bounded number run at once, and all of them complete", async () => {
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

Deno.test("queued handshakes wait as long as others succeed", async () => {
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

Deno.test("when no handshake succeeds within the time-out, queued ones fail with the last error", async () => {
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

Deno.test("an idle association admits exactly one queued handshake beyond the limit", async () => {
  const { queue, underWay, run, finish } = begin();
  const all = Array.from({ length: MAX_HANDSHAKES + 2 }, run);
  queue.offer();
  await settle();
  assertEquals([underWay.length, queue.waiting], [MAX_HANDSHAKES + 1, 1]);
  await finish(1);
  assertEquals([underWay.length, queue.waiting], [MAX_HANDSHAKES, 1]);
  while (underWay.length > 0) await finish(MAX_HANDSHAKES);
  await Promise.all(all);
  // Without queued handshakes, it has no effect.
  queue.offer();
  assertEquals(queue.waiting, 0);
});

Deno.test("a handshake that times out while others succeed is repeated a few times; one that fails otherwise is not", async () => {
  const { clock, underWay, run, finish } = begin();
  const timeout = new HandshakeTimeout("late");
  const failing = assertRejects(run, HandshakeTimeout, "late");
  const inVain = assertRejects(run, RangeError);
  await settle();
  const unlucky = [underWay.shift()!, underWay.shift()!];
  const succeed = async () => {
    const other = run();
    await settle();
    // Behind the repeated one.
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

Deno.test("slow handshakes lower the limit, fast ones raise it again", async () => {
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
