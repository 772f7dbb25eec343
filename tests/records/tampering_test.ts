/**
 * A tamperer on all channels but one can add any pattern to a direction's bytes, and cut them off. Whatever it does, a
 * receiver gives the bodies that were sent, in their order, up to some record, and never another byte.
 */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { xor } from "../../src/sharing/xor.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { forSeeds, Random } from "../support/random/random.ts";
import { concat } from "../../src/wire/concat.ts";
import { added, direction, flipped, receive, type Received } from "./direction.ts";

const random = new Random(1);
const BODIES = [3, 16, 1, 33, 16].map((length) => random.bytes(length));
const PARTS = direction(BODIES);
const BYTES = concat([...PARTS]);

/** Offsets at which KEY and each record begin, and at which the last one ends. */
const STARTS = PARTS.reduce<number[]>((starts, part) => [...starts, starts.at(-1)! + part.length], [0]);

/** The number of bodies before the part that has an offset; KEY has none before it. */
function bodiesBefore(at: number): number {
  return Math.max(0, STARTS.findLastIndex((start) => start <= at) - 1);
}

/** Demands that exactly the first bodies were given, and that the rest was refused. */
function assertRefused({ bodies, error }: Received, count: number, what: string): void {
  assertEquals(bodies, BODIES.slice(0, count), what);
  assertInstanceOf(error, WireError, what);
}

Deno.test("a flip of any bit of a direction is refused in its own record, and all records before are as they were sent", () => {
  for (let bit = 0; bit < 8 * BYTES.length; bit++) {
    assertRefused(receive([flipped(BYTES, bit)]), bodiesBefore(bit >> 3), `bit ${bit}`);
  }
});

Deno.test("a flip of any two bits of KEY and the first record is refused", () => {
  const bytes = BYTES.subarray(0, STARTS[2]), bits = 8 * bytes.length;
  const random = new Random(2);
  for (let bit = 0; bit < bits; bit++) {
    for (let tries = 0; tries < 20; tries++) {
      const other = (bit + 1 + random.below(bits - 1)) % bits;
      assertRefused(receive([flipped(flipped(bytes, bit), other)]), 0, `bits ${bit} and ${other}`);
    }
  }
});

Deno.test("the same flip in two fields of one head, which masks would let cancel, is refused", () => {
  for (let bit = 0; bit < 128; bit++) {
    // k and rho, rho and tag, k and tag; hash and tag.
    for (const [one, other] of [[0, 16], [16, 32], [0, 32], [STARTS[1]! + 3, STARTS[1]! + 19]] as const) {
      assertRefused(receive([flipped(flipped(BYTES, 8 * one + bit), 8 * other + bit)]), 0, `${one} ${other} ${bit}`);
    }
  }
});

Deno.test("a direction that is cut off anywhere gives whole records only, and is at a boundary between them only", () => {
  for (let length = 0; length <= BYTES.length; length++) {
    const { bodies, error, atBoundary } = receive([BYTES.subarray(0, length)]);
    assertEquals([bodies, error], [BODIES.slice(0, bodiesBefore(length)), undefined]);
    assertEquals(atBoundary, STARTS.includes(length));
  }
});

Deno.test("records that are left out, repeated, exchanged, or of another direction are refused where they deviate", () => {
  const [key, ...records] = PARTS, other = direction(BODIES, 2);
  const refused = (count: number, what: string, ...parts: (Uint8Array | undefined)[]): void => {
    assertRefused(receive([concat([...parts as Uint8Array[]])]), count, what);
  };
  refused(0, "no KEY", ...records);
  refused(0, "KEY twice", key, key, ...records);
  for (let index = 0; index < records.length; index++) {
    const before = records.slice(0, index), after = records.slice(index + 1);
    if (after.length > 0) refused(index, "left out", key, ...before, ...after);
    refused(index + 1, "repeated", key, ...before, records[index], records[index], ...after);
    refused(index, "another direction's", key, ...before, other[index + 1], ...after);
    refused(index, "first again", key, ...before, index === 0 ? records[1] : records[0], ...after);
  }
  refused(0, "another KEY", other[0], ...records);
  // Of one length, so that only number and hash tell them apart.
  refused(1, "exchanged", key, records[0], records[4], records[2], records[3], records[1]);
});

Deno.test("a body that is turned into another record's is refused, with its head and without", () => {
  const [one, other] = [PARTS[2]!, PARTS[5]!], pattern = one.map((byte, index) => byte ^ other[index]!);
  for (const from of [0, 3, 19, RECORD_HEAD_LENGTH]) {
    const tampered = added(BYTES, STARTS[2]! + from, pattern.subarray(from));
    assertRefused(receive([tampered]), 1, `from ${from}`);
  }
});

Deno.test("a length that grows or shrinks is refused at its head, before a byte of the body has come", () => {
  for (let index = 1; index < PARTS.length; index++) {
    const length = BODIES[index - 1]!.length, head = STARTS[index]! + RECORD_HEAD_LENGTH;
    for (const other of [0, 1, length - 1, length + 1, length + RECORD_HEAD_LENGTH, 65_536, 65_537, 2 ** 24 - 1]) {
      const change = length ^ other;
      if (change === 0) continue;
      const pattern = Uint8Array.of(change >> 16, change >> 8, change);
      assertRefused(receive([added(BYTES, STARTS[index]!, pattern).subarray(0, head)]), index - 1, `${other} bytes`);
    }
  }
});

Deno.test("random patterns over random stretches are refused where they begin", async () => {
  await forSeeds(3000, (random) => {
    const at = random.below(BYTES.length), pattern = random.bytes(random.between(1, random.pick([1, 4, 40, 200])));
    pattern[0]! |= 1;
    const pieces = random.cuts(added(BYTES, at, pattern), 100);
    const { bodies, error } = receive(pieces);
    assertEquals(bodies, BODIES.slice(0, bodiesBefore(at)));
    assertInstanceOf(error, WireError);
  });
});

Deno.test("shares that a channel drops, repeats or delays by some bytes are a pattern like any other", async () => {
  await forSeeds(300, (random) => {
    const channels = random.between(2, 5);
    const shares = Array.from({ length: channels }, () => new Uint8Array(BYTES.length));
    xor.split(BYTES, shares, random.fill);
    const tampered = random.below(channels), at = random.below(BYTES.length), by = random.between(1, 60);
    const share = shares[tampered]!;
    const moved = random.below(2) === 0
      ? concat([share.subarray(0, at), share.subarray(at + by)])
      : concat([share.subarray(0, at), share.subarray(Math.max(0, at - by), at), share.subarray(at)]);
    const length = Math.min(moved.length, BYTES.length);
    const joined = shares.map((one, index) => (index === tampered ? moved : one).slice(0, length));
    xor.join(joined);
    const first = joined[0]!.findIndex((byte, index) => byte !== BYTES[index]);
    const { bodies, error } = receive([joined[0]!]);
    assertEquals(bodies, BODIES.slice(0, bodiesBefore(first < 0 ? length : first)));
    if (error !== undefined) assertInstanceOf(error, WireError);
    else assert(first < 0 || length < STARTS[STARTS.findIndex((start) => start > first)]!);
  });
});
