import { assert, assertEquals } from "@std/assert";
import { ShareLog } from "../../src/association/share_log.ts";
import { bufferBytes } from "../../src/net/buffer_pool.ts";
import { Chunk } from "../../src/net/chunk.ts";
import { ByteBudget } from "../../src/net/byte_budget.ts";
import { Lender } from "../support/network/chunks.ts";
import { fc } from "../support/random/property.ts";
import { Random } from "../support/random/random.ts";

/** Appends a share, drops what lies before a part of what is there, or reads from a part of it on, in ‰. */
const step = fc.oneof(
  fc.record({ push: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 1200 })), kept: fc.boolean() }),
  fc.record({ drop: fc.oneof(fc.nat(1000), fc.constant(1000)) }),
  fc.record({ view: fc.nat(999) }),
);

Deno.test("shares are there as they were given, from any offset on, until they are dropped; then their memory is free", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), fc.nat(), (steps, seed) => {
    const log = new ShareLog(), lender = new Lender(), random = new Random(seed), budget = new ByteBudget(300);
    const given: number[] = [];
    let counted = 0;
    for (const one of steps) {
      if ("push" in one) {
        const bytes = random.bytes(one.push), isCounted = one.kept && budget.take(bytes.length);
        given.push(...bytes);
        if (isCounted) counted += bytes.length;
        const { held } = lender;
        log.push(lender.lend(bytes), one.kept, isCounted);
        // Of a small one that is kept there is a copy.
        assertEquals(lender.held - held, one.kept && bytes.length < 512 ? 0 : 1);
      } else if ("drop" in one) {
        const offset = log.from + Math.floor((log.end - log.from) * one.drop / 1000), { from } = log;
        log.drop(offset, budget);
        assert(log.from >= from && log.from <= offset);
      } else if (log.end > log.from) {
        const offset = log.from + Math.floor((log.end - log.from) * one.view / 1000), view = log.view(offset);
        assert(view.length > 0);
        assertEquals([...view], given.slice(offset, offset + view.length));
      }
      assertEquals(log.end, given.length);
      assert(log.counted <= counted);
    }
    // All of it, piece by piece, as it is sent again.
    const again: number[] = [];
    for (let offset = log.from; offset < log.end; offset = log.from + again.length) again.push(...log.view(offset));
    assertEquals(again, given.slice(log.from));
    log.drop(log.end, budget);
    assertEquals([log.from, log.counted, lender.held, budget.take(300), budget.take(1)], [
      given.length,
      0,
      0,
      true,
      false,
    ]);
  }));
});

Deno.test("many small shares that are kept take few buffers, and a view gives all that lie together", () => {
  const log = new ShareLog(), lender = new Lender();
  for (let count = 0; count < 200; count++) log.push(lender.lend(new Uint8Array(43).fill(count)), true, false);
  assertEquals(lender.held, 0);
  const lengths: number[] = [];
  for (let offset = 0; offset < log.end; offset += lengths.at(-1)!) lengths.push(log.view(offset).length);
  assertEquals(lengths, [13 * 43, 187 * 43]);
  log.drop(13 * 43 + 20, null);
  assertEquals(log.from, 13 * 43);
  log.drop(log.end, null);
  // Buffers that were dropped serve the next shares.
  const { free } = bufferBytes();
  for (let count = 0; count < 200; count++) log.push(lender.lend(new Uint8Array(43)), true, false);
  assert(bufferBytes().free < free);
  log.drop(log.end, null);
  assertEquals(bufferBytes().free, free);
});

Deno.test("a share that is kept and fills little of its buffer is copied, so that the buffer serves others", () => {
  const log = new ShareLog();
  let held = 0;
  const share = (length: number, memory: number): Chunk => {
    held++;
    return new Chunk(new Uint8Array(length).fill(length), () => void held--, memory);
  };
  const { inUse } = bufferBytes(), lengths = [43_712, 9000, 33_000, 3000, 600];
  for (const length of lengths) log.push(share(length, 4 * length), true, false);
  assertEquals(held, 0);
  assert(bufferBytes().inUse - inUse <= 2 * lengths.reduce((sum, length) => sum + length));
  // Those that fill half of theirs, that are not kept, or too long for a buffer of which they would fill more.
  for (const [length, kept] of [[33_000, true], [600, false], [70_000, true]] as const) {
    log.push(share(length, kept && length < 65_536 ? 2 * length : 4 * length), kept, false);
  }
  assertEquals(held, 3);
  for (let offset = 0; offset < log.end;) {
    const view = log.view(offset);
    offset += view.length;
  }
  log.drop(log.end, null);
  assertEquals([held, bufferBytes().inUse], [0, inUse]);
});
