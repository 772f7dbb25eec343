import { assertEquals, assertStrictEquals } from "@std/assert";
import { Pool } from "../../src/session/pool.ts";
import { FrameType, ResetCode } from "../../src/wire/frame.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";
import { due, finishPair, type SessionPair, sessionPair } from "../support/handlers/session_pair.ts";

async function setUp(count: number) {
  const clock = new FakeClock();
  const pool = new Pool(clock, 30_000);
  const pairs = await Promise.all(Array.from({ length: count }, () => sessionPair(2)));
  const finish = async () => {
    assertEquals([pool.size, clock.pending], [0, 0]);
    for (const pair of pairs) await finishPair(pair);
  };
  return { clock, pool, pairs, finish };
}

function ended(pairs: SessionPair[]): boolean[] {
  return pairs.map(({ client }) => client.ended);
}

Deno.test("take() returns each association once, the most recently used first, and then null", async () => {
  const { pool, pairs, clock, finish } = await setUp(3);
  assertEquals(pool.take(), null);
  for (const { clientFrames } of pairs) pool.give(clientFrames);
  assertEquals(pool.size, 3);
  for (const { clientFrames } of pairs.toReversed()) assertStrictEquals(pool.take()?.frames, clientFrames);
  assertEquals([pool.take(), pool.size], [null, 0]);
  await clock.advance(60_000);
  assertEquals(ended(pairs), [false, false, false]);
  await finish();
});

Deno.test("the pool rejects an association with a failed channel, even before its stream fails", async () => {
  const { pool, pairs, finish } = await setUp(3);
  const [kept, lost, late] = pairs.map(({ clientFrames }) => clientFrames);
  pool.give(kept!);
  pool.give(lost!);
  for (const { association } of [lost!, late!]) association.channelFailed(1, new Error("reset"));
  pool.give(late!);
  assertEquals([pool.size, ...ended(pairs)], [2, false, false, true]);
  assertStrictEquals(pool.take()?.frames, kept);
  assertEquals([pool.size, ...ended(pairs)], [0, false, true, true]);
  await finish();
});

Deno.test("the pool ends each association when it has been idle for the time-out", async () => {
  const { pool, pairs, clock, finish } = await setUp(2);
  pool.give(pairs[0]!.clientFrames);
  await clock.advance(20_000);
  pool.give(pairs[1]!.clientFrames);
  await clock.advance(9_999);
  assertEquals([pool.size, ...ended(pairs)], [2, false, false]);
  await clock.advance(1);
  assertEquals([pool.size, ...ended(pairs)], [1, true, false]);
  assertStrictEquals(pool.take()?.frames, pairs[1]!.clientFrames);
  pool.give(pairs[1]!.clientFrames);
  await clock.advance(29_999);
  assertEquals(pool.size, 1);
  await clock.advance(1);
  assertEquals([pool.size, ...ended(pairs)], [0, true, true]);
  await finish();
});

Deno.test("the pool immediately drops an association that the other side closes, aborts or sends on", async () => {
  const { pool, pairs, clock, finish } = await setUp(5);
  const disturb: ((pair: SessionPair) => void)[] = [
    ({ server }) => server.end(),
    ({ server }) => server.abort(),
    ({ server }) => server.connections[1]!.reset(),
    ({ serverFrames }) => serverFrames.send((encoder) => encoder.end()),
    // No frame has type 255, which is 255 ^ 0.
    ({ server }) => server.connections.forEach((one, index) => void one.write(new Uint8Array(40).fill(index * 255))),
  ];
  for (const { clientFrames } of pairs) pool.give(clientFrames);
  for (const [index, pair] of pairs.entries()) {
    disturb[index]!(pair);
    await settle();
    assertEquals([pool.size, pair.client.ended], [4 - index, true], `${index}`);
  }
  assertEquals(clock.pending, 0);
  await finish();
});

Deno.test("the pool does not keep an association that has ended, received BYE, or received other bytes", async () => {
  const { pool, pairs, finish } = await setUp(3);
  pairs[0]!.client.end();
  pool.give(pairs[0]!.clientFrames);
  assertEquals(pool.size, 0);

  const { clientFrames, serverFrames, client } = pairs[1]!;
  await serverFrames.send((encoder) => encoder.bye());
  await due(clientFrames, FrameType.Bye);
  pool.give(clientFrames);
  assertEquals([pool.size, client.ended], [0, true]);

  const other = pairs[2]!;
  await other.serverFrames.send((encoder) => encoder.end());
  await other.serverFrames.send((encoder) => encoder.reset(ResetCode.Shutdown));
  await due(other.clientFrames, FrameType.End);
  pool.give(other.clientFrames);
  await settle();
  assertEquals([pool.size, other.client.ended], [0, true]);
  await finish();
});

Deno.test("the pool does not return an association that received BYE while idle", async () => {
  const { pool, pairs, clock, finish } = await setUp(2);
  for (const { clientFrames } of pairs) pool.give(clientFrames);
  await pairs[1]!.serverFrames.send((encoder) => encoder.bye());
  await settle();
  assertStrictEquals(pool.take()?.frames, pairs[0]!.clientFrames);
  assertEquals([pool.size, ...ended(pairs)], [0, false, true]);
  assertEquals(clock.pending, 0);
  await finish();
});

Deno.test("the pool does not return an association that has ended, even before its stream does", async () => {
  const { pool, pairs, finish } = await setUp(1);
  pool.give(pairs[0]!.clientFrames);
  pairs[0]!.client.abort();
  assertEquals([pool.take(), pool.size], [null, 0]);
  await finish();
});

Deno.test("close() ends all idle associations and those given later", async () => {
  const { pool, pairs, finish } = await setUp(3);
  pool.give(pairs[0]!.clientFrames);
  pool.give(pairs[1]!.clientFrames);
  pool.close();
  assertEquals([pool.size, ...ended(pairs)], [0, true, true, false]);
  pool.give(pairs[2]!.clientFrames);
  assertEquals([pool.size, ...ended(pairs)], [0, true, true, true]);
  pool.close();
  await finish();
});

Deno.test("the pool ignores bytes that arrive on an association after it was taken", async () => {
  const { pool, pairs, finish } = await setUp(1);
  const { clientFrames, serverFrames, client } = pairs[0]!;
  pool.give(clientFrames);
  await settle();
  pool.take();
  await serverFrames.send((encoder) => encoder.end());
  await due(clientFrames, FrameType.End);
  await settle();
  assertEquals(client.ended, false);
  await finish();
});
