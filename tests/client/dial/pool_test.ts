/** The associations with one server handler: which one a session gets, and when each ends. */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Pool, type Pooled } from "../../../src/client/dial/pool.ts";
import { ResetCode } from "../../../src/wire/frame.ts";
import { FakeClock, settle } from "../../support/time/fake_clock.ts";
import { MemoryNetwork } from "../../support/network/memory_network.ts";
import { associatedPair } from "../../support/handlers/pair.ts";
import { open, send, type Side, sideOf } from "../../streams/sides.ts";

interface Member {
  readonly pooled: Pooled;
  readonly up: Side;
  readonly down: Side;
}

/** A pool with associations of some workers, oldest first. */
async function setUp(...workers: number[]) {
  const network = new MemoryNetwork(), clock = new FakeClock(), pool = new Pool(clock, () => 30_000);
  const add = async (worker: number): Promise<Member> => {
    const pair = await associatedPair(2, network);
    const changed = (streams: unknown) => streams === up.streams && pool.changed(pooled);
    const up = sideOf(pair.client, clock, false, { changed }), down = sideOf(pair.server, clock, true);
    const pooled: Pooled = { multiplexer: up.streams, worker, start: 0 };
    pool.add(pooled);
    return { pooled, up, down };
  };
  const members: Member[] = [];
  for (const worker of workers) members.push(await add(worker));
  const finish = async () => {
    pool.close();
    await settle();
    for (const { up, down } of members) for (const { association } of [up, down]) association.end();
    await settle();
    assertEquals([pool.size, clock.pending, network.openEnds], [0, 0, 0]);
  };
  return { pool, clock, members, add, finish };
}

const ended = (members: readonly Member[]) => members.map(({ up }) => up.association.ended);

/** Makes a bulk flow fill an association. */
async function fill({ up, down }: Member): Promise<void> {
  const stream = open(up);
  await settle();
  down.receivers.at(-1)!.stream.answer(0);
  for (let count = 0; count < 24; count++) await send(stream, new Uint8Array(50_000));
  assert(up.streams.filled);
}

Deno.test("a session of its own gets the association without a stream that was made last", async () => {
  const { pool, members, finish } = await setUp(0, 1, 0);
  const [first, second, third] = members;
  assertStrictEquals(pool.takeIdle(), third!.pooled);
  const stream = open(third!.up);
  assertStrictEquals(pool.takeIdle(), second!.pooled);
  open(second!.up);
  open(first!.up);
  assertEquals([pool.takeIdle(), pool.size, pool.idle], [null, 3, 0]);
  stream.reset(ResetCode.Application);
  assertStrictEquals(pool.takeIdle(), third!.pooled);
  assertEquals([pool.idle, pool.ready(false), pool.ready(true)], [1, 1, 3]);
  await finish();
});

Deno.test("sessions that share get the oldest association of the worker with the fewest streams", async () => {
  const { pool, members, finish } = await setUp(0, 0, 1, 2);
  const [zero, , one, two] = members;
  const taken: number[] = [];
  for (let count = 0; count < 9; count++) {
    const pooled = pool.takeShared()!;
    taken.push(members.findIndex((member) => member.pooled === pooled));
    open(members[taken.at(-1)!]!.up);
  }
  assertEquals(taken, [0, 2, 3, 0, 2, 3, 0, 2, 3]);
  assertEquals([zero, one, two].map((member) => member!.up.streams.size), [3, 3, 3]);
  await finish();
});

Deno.test("associations that a bulk flow fills are passed over, or else the one with the fewest streams is taken", async () => {
  const { pool, clock, members, finish } = await setUp(0, 0);
  const [first, second] = members;
  await fill(first!);
  open(first!.up);
  assertStrictEquals(pool.takeShared(), second!.pooled);
  assertEquals([pool.ready(true), pool.ready(false)], [1, 1]);
  await fill(second!);
  assertEquals([pool.takeShared(), pool.ready(true)], [null, 0]);
  assertStrictEquals(pool.takeShared(true), second!.pooled);
  await clock.advance(1000);
  assertStrictEquals(pool.takeShared(), first!.pooled);
  await finish();
});

Deno.test("an association ends when it has had no stream for the time-out", async () => {
  const { pool, clock, members, finish } = await setUp(0, 0);
  await clock.advance(20_000);
  const stream = open(members[1]!.up);
  await clock.advance(10_000);
  assertEquals([pool.size, ...ended(members)], [1, true, false]);
  await clock.advance(60_000);
  assertEquals(pool.size, 1);
  stream.reset(ResetCode.Application);
  await clock.advance(29_999);
  assertEquals([pool.size, pool.idle, ...ended(members)], [1, 1, true, false]);
  await clock.advance(1);
  assertEquals([pool.size, ...ended(members)], [0, true, true]);
  await finish();
});

Deno.test("an association that the other side ends, aborts or spoils leaves the pool, and is not given out before", async () => {
  const disturb: Record<string, (member: Member) => void> = {
    end: ({ down }) => down.association.end(),
    abort: ({ down }) => down.association.abort(),
    "a channel's reset": ({ down }) => down.association.connections[1]!.reset(),
    "a wrong record": ({ down }) =>
      down.association.connections.forEach((one, index) => void one.write(new Uint8Array(100).fill(index * 255))),
  };
  for (const [how, act] of Object.entries(disturb)) {
    const { pool, members, finish } = await setUp(0, 0);
    act(members[1]!);
    for (let i = 0; i < 4; i++) await settle();
    assertEquals([pool.size, ...ended(members)], [1, false, true], how);
    assertStrictEquals(pool.takeIdle(), members[0]!.pooled, how);
    await finish();
  }
});

Deno.test("an association with a failed channel is not given out, even before its streams fail", async () => {
  const { pool, members, finish } = await setUp(0, 0);
  members[1]!.up.association.channelFailed(1, new Error("reset"));
  assertStrictEquals(pool.takeIdle(), members[0]!.pooled);
  members[0]!.up.association.channelFailed(0, new Error("reset"));
  assertEquals([pool.takeIdle(), pool.takeShared(), pool.takeShared(true)], [null, null, null]);
  await finish();
});

Deno.test("at BYE an association without streams ends, and one with streams when the last is over", async () => {
  const { pool, members, finish } = await setUp(0, 0);
  const [used, unused] = members;
  const stream = open(used!.up);
  open(unused!.up).reset(ResetCode.Application);
  await settle();
  for (const { down } of members) down.streams.leave();
  await settle();
  assertEquals([pool.size, ...ended(members)], [1, false, true]);
  assertEquals([pool.takeShared(true), pool.takeIdle(), pool.ready(true)], [null, null, 0]);
  stream.reset(ResetCode.Application);
  await settle();
  assertEquals([pool.size, ...ended(members)], [0, true, true]);
  await finish();
});

Deno.test("an association is fresh for five seconds after its last record", async () => {
  const { pool, clock, members: [member], finish } = await setUp(0);
  assertEquals(pool.isFresh(member!.pooled), true);
  await clock.advance(5000);
  assertEquals(pool.isFresh(member!.pooled), false);
  open(member!.up);
  await settle();
  assertEquals(pool.isFresh(member!.pooled), false);
  member!.down.streams.ping();
  await settle();
  assertEquals(pool.isFresh(member!.pooled), true);
  await finish();
});

Deno.test("close() ends associations without a stream, aborts the others, and ends those added later", async () => {
  const { pool, members, add, finish } = await setUp(0, 0);
  open(members[1]!.up);
  pool.close();
  await settle();
  assertEquals([pool.size, ...ended(members)], [0, true, true]);
  assertEquals(members[1]!.up.receivers[0]!.events, ["the handler is ending"]);
  const late = await add(0);
  await settle();
  assertEquals([pool.size, late.up.association.ended], [0, true]);
  late.down.association.end();
  pool.close();
  await finish();
});
