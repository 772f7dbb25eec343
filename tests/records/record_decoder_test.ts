import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { KEY_LENGTH, MAX_BODY, RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { RecordDecoder } from "../../src/records/record_decoder.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { Random } from "../support/random/random.ts";
import { direction, flipped } from "./direction.ts";
import { tagSlowly } from "../../scripts/vectors/sealing.ts";

const random = new Random(1);

/** A decoder that has taken KEY, under the keys of seed 1. */
function keyed(): RecordDecoder {
  const decoder = new RecordDecoder();
  assertEquals(decoder.take(direction([])[0]!), null);
  return decoder;
}

/** A head whose tag is right, for a body of any length. */
function headOf(length: number, number = 1): Uint8Array {
  const keys = new Random(1), k = keys.bytes(16), hash = new Uint8Array(16).fill(3);
  return Uint8Array.of(length >> 16, length >> 8, length, ...hash, ...tagSlowly(k, length, number, hash));
}

Deno.test("a decoder asks for KEY, then for each record's head and body, and gives the very bytes it was given", () => {
  const bodies = [1, 16, 700, MAX_BODY].map((length) => random.bytes(length));
  const [key, ...records] = direction(bodies), decoder = new RecordDecoder();
  assertEquals([decoder.needed, decoder.atBoundary], [KEY_LENGTH, true]);
  assertEquals(decoder.take(key!), null);
  for (const [index, record] of records.entries()) {
    assertEquals([decoder.needed, decoder.atBoundary], [RECORD_HEAD_LENGTH, true]);
    assertEquals(decoder.take(record.subarray(0, RECORD_HEAD_LENGTH)), null);
    assertEquals([decoder.needed, decoder.atBoundary], [bodies[index]!.length, false]);
    const body = record.subarray(RECORD_HEAD_LENGTH);
    assertStrictEquals(decoder.take(body), body);
    assertEquals(body, bodies[index]);
  }
});

Deno.test("a length out of range is refused at its head, though its tag is right, before a body is asked for", () => {
  for (const length of [0, MAX_BODY + 1, 2 ** 17, 2 ** 24 - 1]) {
    const decoder = keyed();
    assertThrows(() => decoder.take(headOf(length)), WireError, `a record of ${length} bytes; 1 to 65536 are allowed`);
    assertEquals(decoder.needed, 0);
  }
  for (const length of [1, MAX_BODY]) {
    const decoder = keyed();
    assertEquals(decoder.take(headOf(length)), null);
    assertEquals(decoder.needed, length);
  }
});

Deno.test("a wrong KEY, tag or hash is refused as soon as it has come, and nothing is taken afterwards", () => {
  const [key, record] = direction([random.bytes(20)]);
  const head = record!.subarray(0, RECORD_HEAD_LENGTH), body = record!.subarray(RECORD_HEAD_LENGTH);
  const wrong = (what: string, ...taken: Uint8Array[]): void => {
    const decoder = new RecordDecoder(), last = taken.pop()!;
    for (const bytes of taken) decoder.take(bytes);
    const error = assertThrows(() => decoder.take(last), WireError, `${what}: it was tampered with`);
    assertEquals(decoder.needed, 0);
    for (const right of [key!, head, body, new Uint8Array(0)]) {
      assertStrictEquals(assertThrows(() => decoder.take(right)), error);
    }
  };
  for (const bit of [0, 127, 128, 255, 256, 383]) wrong("KEY with a wrong tag", flipped(key!, bit));
  for (const bit of [24, 151, 152, 279]) wrong("a record with a wrong tag", key!, flipped(head, bit));
  for (const bit of [0, 127, 128, 159]) wrong("a record with a wrong hash", key!, head, flipped(body, bit));
});

Deno.test("another number of bytes than needed is the caller's mistake, and leaves the decoder as it was", () => {
  const [key, record] = direction([random.bytes(20)]), decoder = new RecordDecoder();
  for (const length of [0, KEY_LENGTH - 1, KEY_LENGTH + 1]) {
    assertThrows(() => decoder.take(new Uint8Array(length)), RangeError, `${length} bytes, not ${KEY_LENGTH}`);
  }
  decoder.take(key!);
  decoder.take(record!.subarray(0, RECORD_HEAD_LENGTH));
  assertThrows(() => decoder.take(new Uint8Array(21)), RangeError, "21 bytes, not 20");
  assert(decoder.take(record!.subarray(RECORD_HEAD_LENGTH)) !== null);
});
