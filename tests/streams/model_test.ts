/** Random operations on both sides of an association, compared with what each stream must do by itself. */
import { assert, assertEquals } from "@std/assert";
import { bufferBytes } from "../../src/net/buffer_pool.ts";
import { CreditBudget } from "../../src/streams/credit_budget.ts";
import type { Stream } from "../../src/streams/stream.ts";
import { ResetCode, ResultCode } from "../../src/wire/frame.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { fc, record } from "../support/random/property.ts";
import { Random } from "../support/random/random.ts";
import { bothSides, end, open, quiet, Receiver, send } from "./sides.ts";

/** An operation: on one side of one stream, with a number of bytes where that matters. */
interface Operation {
  readonly what: "open" | "send" | "end" | "reset" | "take" | "wait";
  readonly stream: number;
  readonly up: boolean;
  readonly bytes: number;
}

/** One direction of a stream. */
class Direction {
  sent = 0;
  received = 0;
  /** Settles when the last piece has been sent. */
  last: Promise<unknown> = Promise.resolve();
  isEnded = false;
  readonly #random: Random;
  readonly #check: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#check = new Random(seed);
  }

  /** Sends the direction's next bytes, behind what waits. */
  send(stream: Stream, length: number): void {
    if (this.isEnded) return;
    const bytes = this.#random.bytes(length);
    this.sent += length;
    this.last = this.last.then(() => stream.over ? undefined : send(stream, bytes)).catch(() => {});
  }

  end(stream: Stream): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.last = this.last.then(() => stream.over ? undefined : end(stream)).catch(() => {});
  }

  /** Checks that what has arrived is what was sent. */
  check({ bytes }: Receiver): void {
    const got = bytes.subarray(this.received);
    assert(got.every((byte) => byte === this.#check.below(256)), `after byte ${this.received}`);
    this.received = bytes.length;
    assert(this.received <= this.sent);
  }
}

interface Pair {
  readonly client: Stream;
  readonly up: Direction;
  readonly down: Direction;
  isReset: boolean;
}

const operations = fc.array(
  record<Operation>({
    what: fc.constantFrom("open", "send", "send", "send", "end", "reset", "take", "take", "take", "wait", "wait"),
    stream: fc.nat(5),
    up: fc.boolean(),
    bytes: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 200_000 })),
  }),
  { maxLength: 80 },
);

/** Runs operations to their end. */
async function run(steps: readonly Operation[], capacity: number, short = false): Promise<void> {
  const budget = new CreditBudget(200_000);
  const receiver = () => new Receiver(false);
  const both = await bothSides({ budget, receiver }, new MemoryNetwork({ capacity }), short);
  const { up: client, down: server } = both, pairs: Pair[] = [];
  const streamOf = (index: number, up: boolean) => up ? pairs[index]!.client : server.receivers[index]?.stream;
  const answer = async () => {
    await quiet();
    for (const { stream } of server.receivers.slice(answered)) stream.answer(ResultCode.Ok);
    answered = server.receivers.length;
    await quiet();
  };
  let answered = 0;
  const check = () => {
    for (const [index, { up, down }] of pairs.entries()) {
      down.check(client.receivers[index]!);
      if (server.receivers[index] !== undefined) up.check(server.receivers[index]!);
    }
    assertEquals([client.association.ended, server.association.ended], [false, false], `${server.association.fault}`);
  };
  for (const { what, stream: number, up, bytes } of steps) {
    if (what === "open") {
      const stream = open(client, receiver());
      const seed = 2 * pairs.length;
      pairs.push({ client: stream, up: new Direction(seed), down: new Direction(seed + 1), isReset: false });
    }
    if (pairs.length === 0) continue;
    const index = number % pairs.length, pair = pairs[index]!, stream = streamOf(index, up);
    const target = up ? server.receivers[index] : client.receivers[index];
    if (what === "wait") {
      await answer();
      check();
    }
    // The server's side is there once the OPEN has arrived and was answered.
    if (stream === undefined || !up && index >= answered) continue;
    if (what === "send") (up ? pair.up : pair.down).send(stream, bytes);
    if (what === "end") (up ? pair.up : pair.down).end(stream);
    if (what === "take" && target !== undefined && index < answered) target.take(Math.min(bytes, target.waiting));
    if (what === "reset") {
      stream.reset(ResetCode.Application);
      pair.isReset = true;
    }
  }
  // All applications read and end.
  await answer();
  for (const [index, { client: stream, up, down }] of pairs.entries()) {
    up.end(stream);
    down.end(server.receivers[index]!.stream);
  }
  const all = Promise.all(pairs.flatMap(({ up, down }) => [up.last, down.last]));
  let over = false;
  all.then(() => over = true);
  for (let round = 0; !over || [...client.receivers, ...server.receivers].some(({ waiting }) => waiting > 0); round++) {
    assert(round < 2000, "a stream is stuck");
    for (const one of [...client.receivers, ...server.receivers]) one.take();
    await quiet();
  }
  await quiet();
  check();
  for (const [index, { up, down, isReset }] of pairs.entries()) {
    const [mine, theirs] = [client.receivers[index]!, server.receivers[index]!];
    assertEquals([mine.stream.over, theirs.stream.over], [true, true]);
    if (isReset) continue;
    assertEquals([up.received, down.received], [up.sent, down.sent]);
    assertEquals([mine.events, theirs.events], [["answered", "ended"], ["ended"]]);
  }
  assertEquals([client.streams.size, server.streams.size], [0, 0]);
  await both.finish();
  assertEquals([budget.take(200_000), budget.take(1)], [true, false]);
}

Deno.test("any operations in any order: each stream brings its own bytes in order, its end, and no other's", async () => {
  await fc.assert(
    fc.asyncProperty(
      operations,
      fc.constantFrom(300, 5000, 65_536, 1_000_000),
      (steps, capacity) => run(steps, capacity),
    ),
    { numRuns: 60, endOnFailure: true },
  );
});

Deno.test("any operations in any order, with short shares", async () => {
  await fc.assert(
    fc.asyncProperty(operations, fc.constantFrom(300, 65_536), (steps, capacity) => run(steps, capacity, true)),
    { numRuns: 25, endOnFailure: true },
  );
});

for (const short of [false, true]) {
  const shares = short ? ", with short shares" : "";
  Deno.test(`all pooled memory is given back once streams have ended in order${shares}`, async () => {
    const random = new Random(1);
    const steps = Array.from({ length: 120 }, (): Operation => ({
      what: random.pick(["open", "send", "send", "send", "take", "take", "wait", "end"]),
      stream: random.below(9),
      up: random.below(2) === 0,
      bytes: random.pick([1, 300, 5000, 50_000, 150_000]),
    }));
    const { inUse } = bufferBytes();
    // The first runs fill the pool.
    for (let round = 0; round < 3; round++) await run(steps, 65_536, short);
    const { free } = bufferBytes();
    for (let round = 0; round < 3; round++) {
      await run(steps, 65_536, short);
      const after = bufferBytes();
      assertEquals(after.free, free);
      // Buffers of an earlier test's failures may be collected meanwhile.
      assert(after.inUse <= inUse, `${after.inUse} bytes in use, ${inUse} before`);
    }
  });
}
