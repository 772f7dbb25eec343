/** Records in message bytes that come in any pieces, which are lent: each given once, whole, and given back. */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { bufferBytes } from "../../src/net/buffer_pool.ts";
import type { Chunk } from "../../src/net/chunk.ts";
import { RecordDecoder } from "../../src/records/record_decoder.ts";
import { RecordReader } from "../../src/records/record_reader.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { Lender, taken } from "../support/network/chunks.ts";
import { bytes, cutsOf, fc } from "../support/random/property.ts";
import { forSeeds, Random } from "../support/random/random.ts";
import { concat } from "../../src/wire/concat.ts";
import { direction, flipped, receive } from "./direction.ts";

const random = new Random(1);
const BODIES = [1, 5, 40, 16, 200].map((length) => random.bytes(length));
const BYTES = concat([...direction(BODIES)]);

/** Bodies that a reader has ready. */
function ready(reader: RecordReader): Chunk[] {
  const bodies: Chunk[] = [];
  for (let body = reader.next(); body !== null; body = reader.next()) bodies.push(body);
  return bodies;
}

Deno.test("records are the same however their bytes are cut", () => {
  const sent = fc.array(bytes(1, 120), { maxLength: 8 }).chain((bodies) => {
    return fc.tuple(fc.constant(bodies), cutsOf(concat([...direction(bodies)])));
  });
  fc.assert(
    fc.property(sent, ([sent, pieces]) => {
      const { bodies, error, atBoundary } = receive(pieces);
      assertEquals([bodies, error, atBoundary], [sent, undefined, true]);
    }),
    { numRuns: 500 },
  );
});

Deno.test("records are the same for every cut in two", () => {
  for (let at = 0; at <= BYTES.length; at++) {
    const { bodies, atBoundary } = receive([BYTES.subarray(0, at), BYTES.subarray(at)]);
    assertEquals([bodies, atBoundary], [BODIES, true], `cut at ${at}`);
  }
});

Deno.test("records are the same byte by byte, with empty pieces between", () => {
  const pieces = [...BYTES].flatMap((byte) => [Uint8Array.of(byte), new Uint8Array(0)]);
  assertEquals(receive(pieces).bodies, BODIES);
});

Deno.test("long records are the same in pieces as reads bring them, and give their buffers back", async () => {
  const random = new Random(2), bodies = [65_536, 65_536, 1, 65_536, 30_000].map((length) => random.bytes(length));
  const bytes = concat([...direction(bodies)]), { inUse } = bufferBytes();
  await forSeeds(5, (random) => {
    assertEquals(receive(random.cuts(bytes, 80_000)).bodies, bodies);
    assertEquals(bufferBytes().inUse, inUse);
  });
});

Deno.test("bodies that are held stay as they are, and their memory serves again once the last one is released", () => {
  const sent = fc.array(bytes(1, 120), { minLength: 1, maxLength: 8 }).chain((bodies) => {
    const all = concat([...direction(bodies)]), order = fc.shuffledSubarray(bodies.map((_, at) => at));
    return fc.tuple(fc.constant(bodies), cutsOf(all), order);
  });
  fc.assert(fc.property(sent, ([sent, pieces, first]) => {
    const reader = new RecordReader(new RecordDecoder()), lender = new Lender();
    const held: Chunk[] = [];
    for (const piece of pieces) {
      reader.push(lender.lend(piece));
      held.push(...ready(reader));
    }
    assertEquals(held.map(({ bytes }) => bytes.slice()), sent);
    // Some in any order, the others behind them.
    const left = new Set(held.keys());
    for (const index of first) {
      assertEquals(held[index]!.bytes.slice(), sent[index]);
      held[index]!.release();
      left.delete(index);
      for (const other of left) assertEquals(held[other]!.bytes.slice(), sent[other]);
    }
    for (const index of left) held[index]!.release();
    assertEquals([lender.held, reader.atBoundary], [0, true]);
  }));
});

Deno.test("a body may have further holders", () => {
  const reader = new RecordReader(new RecordDecoder()), lender = new Lender();
  reader.push(lender.lend(BYTES));
  const [one, ...others] = ready(reader) as [Chunk, ...Chunk[]];
  for (const body of others) body.release();
  assertEquals(lender.held, 1);
  one.hold().release();
  assertEquals([lender.held, one.bytes.slice()], [1, BODIES[0]]);
  one.release();
  assertEquals(lender.held, 0);
});

Deno.test("a record within a piece is given as a view of it, a cut one as a copy", () => {
  const reader = new RecordReader(new RecordDecoder()), lender = new Lender();
  const [start, rest] = [lender.lend(BYTES.subarray(0, 180), 3), lender.lend(BYTES.subarray(180))];
  reader.push(start);
  for (const expected of BODIES.slice(0, 2)) {
    const body = reader.next()!;
    assertStrictEquals(body.bytes.buffer, start.bytes.buffer);
    assertEquals(taken(body), expected);
  }
  assertEquals([reader.next(), lender.held], [null, 1]);
  reader.push(rest);
  const cut = reader.next()!;
  assert(cut.bytes.buffer !== rest.bytes.buffer);
  assertEquals(taken(cut), BODIES[2]);
  assertStrictEquals(reader.next()!.bytes.buffer, rest.bytes.buffer);
});

Deno.test("nothing of a record is given before its last byte has come and its hash is right", () => {
  const ends = new Map([[48, 0]]);
  let end = 48;
  BODIES.forEach((body, index) => ends.set(end += 35 + body.length, index + 1));
  let given = 0;
  for (let length = 0; length <= BYTES.length; length++) {
    const { bodies, error, atBoundary } = receive([BYTES.subarray(0, length)]);
    given = ends.get(length) ?? given;
    assertEquals([bodies, error], [BODIES.slice(0, given), undefined], `after ${length} bytes`);
    assertEquals(atBoundary, length === 0 || ends.has(length), `after ${length} bytes`);
  }
});

Deno.test("a failure stays: what is behind it, in the same piece or in later ones, is neither judged nor given", () => {
  const [key, first, second, ...rest] = direction(BODIES);
  for (const cut of [false, true]) {
    const reader = new RecordReader(new RecordDecoder()), lender = new Lender();
    const bytes = concat([key!, first!, flipped(second!, 300), ...rest]);
    const pieces = cut ? [bytes.subarray(0, 110), bytes.subarray(110)] : [bytes];
    const bodies: Uint8Array[] = [];
    const error = assertThrows(() => {
      for (const piece of pieces) {
        reader.push(lender.lend(piece));
        for (let body = reader.next(); body !== null; body = reader.next()) bodies.push(taken(body));
      }
    }, WireError);
    assertEquals(bodies, BODIES.slice(0, 1));
    for (const more of [new Uint8Array(0), second!, concat(rest)]) {
      assertStrictEquals(assertThrows(() => reader.next()), error);
      reader.push(lender.lend(more));
      assertStrictEquals(assertThrows(() => reader.next()), error);
    }
  }
});

Deno.test("a head that is refused in pieces asks for no body", () => {
  const [key, record] = direction([random.bytes(1000)]), bytes = concat([key!, flipped(record!, 200)]);
  const reader = new RecordReader(new RecordDecoder()), lender = new Lender();
  for (let at = 0; at < 82; at++) {
    reader.push(lender.lend(bytes.subarray(at, at + 1)));
    assertEquals([reader.next(), lender.held], [null, 0]);
  }
  reader.push(lender.lend(bytes.subarray(82, 83)));
  assertThrows(() => reader.next(), WireError, "wrong tag");
});

Deno.test("a cut body's buffer serves the next one once it is released, and not while it is held", () => {
  const bodies = Array.from({ length: 3 }, () => random.bytes(100)), bytes = concat([...direction(bodies)]);
  for (const held of [false, true]) {
    const reader = new RecordReader(new RecordDecoder()), lender = new Lender();
    const given: Chunk[] = [], places: Uint8Array[] = [];
    // Each piece ends within a body.
    for (const [from, to] of [[0, 90], [90, 230], [230, 360], [360, 453]] as const) {
      reader.push(lender.lend(bytes.subarray(from, to)));
      for (let body = reader.next(); body !== null; body = reader.next()) {
        places.push(body.bytes);
        if (held) given.push(body);
        else body.release();
      }
    }
    assertEquals(places.length, 3);
    for (const [one, other] of [[0, 1], [1, 2], [0, 2]] as const) {
      assertEquals(isSamePlace(places[one]!, places[other]!), !held);
    }
    assertEquals(given.map(({ bytes }) => bytes.slice()), held ? bodies : []);
    for (const body of given) body.release();
    assert(lender.held === 0 && reader.atBoundary);
  }
});

function isSamePlace(one: Uint8Array, other: Uint8Array): boolean {
  return one.buffer === other.buffer && one.byteOffset === other.byteOffset;
}
