import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { RecordDecoder } from "../../src/records/record_decoder.ts";
import { RecordReader } from "../../src/records/record_reader.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { forSeeds, Random } from "../support/random/random.ts";
import { concat } from "../../src/wire/concat.ts";
import { direction, flipped, receive } from "./direction.ts";

const random = new Random(1);
const BODIES = [1, 5, 40, 16, 200].map((length) => random.bytes(length));
const BYTES = concat([...direction(BODIES)]);

Deno.test("records are the same however their bytes are cut", async () => {
  await forSeeds(200, (random) => {
    const { bodies, error, atBoundary } = receive(random.cuts(BYTES, random.pick([1, 2, 40, 100, 400])));
    assertEquals([bodies, error, atBoundary], [BODIES, undefined, true]);
  });
});

Deno.test("records are the same for every cut in two", () => {
  for (let at = 0; at <= BYTES.length; at++) {
    const { bodies, atBoundary } = receive([BYTES.subarray(0, at), BYTES.subarray(at)]);
    assertEquals([bodies, atBoundary], [BODIES, true], `cut at ${at}`);
  }
});

Deno.test("long records are the same in pieces as reads bring them", async () => {
  const random = new Random(2), bodies = [65_536, 65_536, 1, 65_536, 30_000].map((length) => random.bytes(length));
  const bytes = concat([...direction(bodies)]);
  await forSeeds(5, (random) => {
    assertEquals(receive(random.cuts(bytes, 80_000)).bodies, bodies);
  });
});

Deno.test("a record within a piece is given as a view of it, a cut one as a copy", () => {
  const reader = new RecordReader(new RecordDecoder()), start = BYTES.slice(0, 180), rest = BYTES.slice(180);
  reader.push(start);
  for (const body of BODIES.slice(0, 2)) {
    const given = reader.next()!;
    assertStrictEquals(given.buffer, start.buffer);
    assertEquals(given.slice(), body);
  }
  assertEquals(reader.next(), null);
  start.fill(0xee);
  reader.push(rest);
  const cut = reader.next()!;
  assert(cut.buffer !== rest.buffer);
  assertEquals(cut.slice(), BODIES[2]);
  assertStrictEquals(reader.next()!.buffer, rest.buffer);
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
    const reader = new RecordReader(new RecordDecoder());
    const bytes = concat([key!, first!, flipped(second!, 300), ...rest]);
    const pieces = cut ? [bytes.subarray(0, 110), bytes.subarray(110)] : [bytes];
    const bodies: Uint8Array[] = [];
    const error = assertThrows(() => {
      for (const piece of pieces) {
        reader.push(piece);
        for (let body = reader.next(); body !== null; body = reader.next()) bodies.push(body.slice());
      }
    }, WireError);
    assertEquals(bodies, BODIES.slice(0, 1));
    for (const more of [new Uint8Array(0), second!, concat(rest)]) {
      assertStrictEquals(assertThrows(() => reader.next()), error);
      reader.push(more);
      assertStrictEquals(assertThrows(() => reader.next()), error);
    }
  }
});

Deno.test("a head that is refused in pieces asks for no body", () => {
  const [key, record] = direction([random.bytes(1000)]), bytes = concat([key!, flipped(record!, 200)]);
  const reader = new RecordReader(new RecordDecoder());
  for (let at = 0; at < 82; at++) {
    reader.push(bytes.subarray(at, at + 1));
    assertEquals(reader.next(), null);
  }
  reader.push(bytes.subarray(82, 83));
  assertThrows(() => reader.next(), WireError, "wrong tag");
});

Deno.test("the buffer for cut records serves again while records go on being cut, and is dropped at a boundary", () => {
  const parts = direction(Array.from({ length: 4 }, () => random.bytes(100))),
    reader = new RecordReader(new RecordDecoder());
  const [one, two] = [concat([...parts.slice(0, 3)]), concat([...parts.slice(3)])];
  const buffers: ArrayBufferLike[] = [];
  const push = (bytes: Uint8Array): void => {
    reader.push(bytes);
    for (let body = reader.next(); body !== null; body = reader.next()) buffers.push(body.buffer);
  };
  // Cuts in the first, second and third body; none between the second and the third.
  for (const [from, to] of [[0, 90], [90, 230], [230, 318]] as const) push(one.subarray(from, to));
  for (const [from, to] of [[0, 90], [90, 270]] as const) push(two.subarray(from, to));
  assertEquals(buffers.length, 4);
  assertStrictEquals(buffers[0], buffers[1]);
  assert(buffers[1] !== buffers[2]);
  assertStrictEquals(buffers[3], two.buffer);
});
