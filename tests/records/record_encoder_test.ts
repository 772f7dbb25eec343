import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { wasmPoly1305 } from "../../src/records/hashes.ts";
import { MAX_BODY, RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { RecordEncoder, sealedLength } from "../../src/records/record_encoder.ts";
import { forSeeds, Random } from "../support/random/random.ts";
import { concat } from "../../src/wire/concat.ts";
import { direction, receive, sealed } from "./direction.ts";
import { keySlowly, recordSlowly } from "../../scripts/vectors/sealing.ts";

function started(seed: number): RecordEncoder {
  const encoder = new RecordEncoder(new Random(seed).fill);
  encoder.key();
  return encoder;
}

Deno.test("KEY and records are the bytes that the description gives, for bodies of any length", () => {
  const lengths = [1, 2, 15, 16, 17, 31, 32, 33, 511, 512, 513, 4096, 65_535, 65_536];
  const random = new Random(7), bodies = lengths.map((length) => random.bytes(length));
  const keys = new Random(1), k = keys.bytes(16), rho = keys.bytes(16);
  const expected = [keySlowly(k, rho), ...bodies.map((body, index) => recordSlowly(k, rho, index + 1, body))];
  assertEquals(direction(bodies, 1), expected);
});

Deno.test("an encoder draws its keys once, in one call, before anything is sealed", () => {
  const drawn: number[] = [];
  const encoder = new RecordEncoder((into) => void drawn.push(into.length));
  assertEquals([encoder.started, drawn], [false, []]);
  encoder.key();
  assert(encoder.started);
  for (let i = 0; i < 10; i++) sealed(encoder, Uint8Array.of(i));
  assertEquals(drawn, [32]);
});

Deno.test("nothing is sealed before KEY, and there is one KEY", () => {
  const encoder = new RecordEncoder(new Random(1).fill);
  assertThrows(() => encoder.seal(new Uint8Array(40)), TypeError, "before KEY");
  assertThrows(() => encoder.sealAll(new Uint8Array(40), 5, 5), TypeError, "before KEY");
  encoder.key();
  assertThrows(() => encoder.key(), TypeError, "a second KEY");
});

Deno.test("a body of no bytes or more than 65,536 is refused, writes nothing, and takes no number", () => {
  const encoder = started(1);
  for (const length of [0, MAX_BODY + 1]) {
    const record = new Uint8Array(RECORD_HEAD_LENGTH + length).fill(7);
    assertThrows(() => encoder.seal(record), RangeError, `${length} bytes`);
    assert(record.every((byte) => byte === 7));
  }
  assertThrows(() => encoder.seal(new Uint8Array(RECORD_HEAD_LENGTH - 1)), RangeError);
  const body = Uint8Array.of(1, 2, 3);
  assertEquals(sealed(encoder, body), direction([body])[1]);
});

Deno.test("a record is sealed in place: the body stays, and nothing around it changes", async () => {
  await forSeeds(100, (random) => {
    const before = random.below(20), body = random.bytes(1 + random.below(600)), encoder = started(1);
    const buffer = concat([new Uint8Array(before).fill(7), new Uint8Array(RECORD_HEAD_LENGTH), body, Uint8Array.of(8)]);
    encoder.seal(buffer.subarray(before, -1));
    const expected = concat([new Uint8Array(before).fill(7), direction([body])[1]!, Uint8Array.of(8)]);
    assertEquals(buffer, expected);
  });
});

Deno.test("many bytes are sealed in as few records as the longest body allows, in the buffer they are in", async () => {
  await forSeeds(300, (random) => {
    const most = random.pick([1, 2, 34, 35, 36, 100, 1000]), length = 1 + random.below(Math.min(3000, 20 * most));
    const bytes = random.bytes(length), count = Math.ceil(length / most);
    const buffer = new Uint8Array(sealedLength(length, most) + 3);
    assertEquals(buffer.length, length + count * RECORD_HEAD_LENGTH + 3);
    buffer.fill(9, -3);
    buffer.set(bytes, RECORD_HEAD_LENGTH);
    const records = started(1).sealAll(buffer, length, most);
    assertStrictEquals(records.buffer, buffer.buffer);
    assertEquals([records.byteOffset, records.length], [0, buffer.length - 3]);
    assertEquals(buffer.subarray(-3), new Uint8Array(3).fill(9));
    const pieces = Array.from({ length: count }, (_, index) => bytes.subarray(index * most, (index + 1) * most));
    assertEquals(records.slice(), concat([...direction(pieces).slice(1)]));
    assertEquals(receive([direction([])[0]!, records]).bodies, pieces.map((piece) => piece.slice()));
  });
});

Deno.test("eight records of 64 KiB lie in one buffer of 512 KiB and eight heads", () => {
  const length = 8 * MAX_BODY, random = new Random(3), bytes = random.bytes(length);
  const buffer = new Uint8Array(sealedLength(length, MAX_BODY));
  assertEquals(buffer.length, length + 8 * RECORD_HEAD_LENGTH);
  buffer.set(bytes, RECORD_HEAD_LENGTH);
  const { bodies, error, atBoundary } = receive([direction([])[0]!, started(1).sealAll(buffer, length, MAX_BODY)]);
  assertEquals([bodies.map((body) => body.length), error, atBoundary], [Array(8).fill(MAX_BODY), undefined, true]);
  assertEquals(concat(bodies), bytes);
});

Deno.test("a buffer without room for the heads, no bytes, and bodies out of range are refused; nothing is written", () => {
  const encoder = started(1), buffer = new Uint8Array(sealedLength(100, 10)).fill(7);
  for (const [length, most] of [[100, 9], [101, 10], [0, 10], [100, 0], [100, MAX_BODY + 1]] as const) {
    assertThrows(() => encoder.sealAll(buffer, length, most), RangeError);
  }
  assert(buffer.every((byte) => byte === 7));
  encoder.sealAll(buffer, 100, 10);
});

Deno.test("OpenSSL and WebAssembly seal alike", () => {
  const random = new Random(5);
  for (const length of [1, 100, 511, 512, 5000, 65_536]) {
    const body = random.bytes(length), encoder = new RecordEncoder(new Random(1).fill, wasmPoly1305);
    encoder.key();
    assertEquals(sealed(encoder, body), direction([body])[1]);
  }
});
