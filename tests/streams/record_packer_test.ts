/** Frames in sealed records, several of which lie one behind the other. */
import "../support/system/native.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Chunk } from "../../src/net/chunk.ts";
import { LARGEST_BUFFER, takeBuffer } from "../../src/net/buffer_pool.ts";
import { KEY_LENGTH, MAX_BODY, RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { RecordDecoder } from "../../src/records/record_decoder.ts";
import { RecordEncoder } from "../../src/records/record_encoder.ts";
import { RecordReader } from "../../src/records/record_reader.ts";
import { systemPads } from "../../src/sharing/system_pads.ts";
import { DATA_LEAD, packedLength, RecordPacker, sealData } from "../../src/streams/record_packer.ts";
import { concat } from "../../src/wire/concat.ts";
import { FrameType } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { bytes as anyBytes, fc } from "../support/random/property.ts";

/** The bodies of records. */
function bodiesOf(records: Uint8Array, reader: RecordReader): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  reader.push(new Chunk(records.slice(), () => {}));
  for (let body = reader.next(); body !== null; body = reader.next()) bodies.push(body.bytes.slice());
  assert(reader.atBoundary, "a record is cut");
  return bodies;
}

/** The DATA that arrives, by stream, and the types of other frames. */
function framesOf(bodies: readonly Uint8Array[]) {
  const data = new Map<number, Uint8Array[]>(), others: FrameType[] = [];
  for (const body of bodies) {
    const decoder = new FrameDecoder(body);
    for (let frame = decoder.next(); frame !== null; frame = decoder.next()) {
      if (frame.type === FrameType.Data) data.set(frame.stream, [...data.get(frame.stream) ?? [], frame.bytes]);
      else others.push(frame.type);
    }
  }
  return { data, others };
}

const newEncoder = () => new RecordEncoder(systemPads);

Deno.test("whatever is packed into the length that was reckoned fits whole, and comes out as it was", () => {
  const frames = fc.array(
    fc.oneof(anyBytes(1, 40), fc.integer({ min: 1, max: 70_000 }).map((n) => new Uint8Array(n))),
    {
      minLength: 1,
      maxLength: 12,
    },
  );
  fc.assert(fc.property(frames, fc.integer({ min: 4096, max: MAX_BODY }), fc.nat(4), (pieces, maxBody, frames) => {
    const encoder = newEncoder(), reader = new RecordReader(new RecordDecoder());
    const others = Array.from({ length: frames }, () => encode.credit(1, 5));
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0) + concat(others).length;
    const most = packedLength(length, 2 * pieces.length, maxBody);
    if (most > LARGEST_BUFFER) return;
    const packer = new RecordPacker(encoder, most, maxBody);
    for (const frame of others) assert(packer.frame(frame));
    for (const [index, piece] of pieces.entries()) {
      assertEquals(packer.data(index + 1, piece), piece.length);
      assert(packer.frame(encode.end(index + 1)));
    }
    const records = packer.finish()!;
    const bodies = bodiesOf(records.bytes, reader);
    records.release();
    for (const body of bodies) assert(body.length <= maxBody);
    const got = framesOf(bodies);
    assertEquals(got.others.length, frames + pieces.length);
    for (const [index, piece] of pieces.entries()) {
      const parts = got.data.get(index + 1)!;
      assertEquals(concat(parts), piece);
      // A cut costs a head: none for a few bytes.
      for (const part of parts.slice(0, -1)) assert(part.length >= 1024, `${part.length} bytes`);
    }
  }));
});

Deno.test("a full packer takes what fits, and the rest goes into the next", () => {
  const encoder = newEncoder(), reader = new RecordReader(new RecordDecoder());
  const whole = new Uint8Array(20_000).map((_, index) => index), got: Uint8Array[] = [];
  for (let at = 0; at < whole.length;) {
    const packer = new RecordPacker(encoder, 6000, 4096);
    const done = packer.data(9, whole.subarray(at));
    assert(done > 0);
    at += done;
    if (at < whole.length) {
      assertEquals([packer.data(9, new Uint8Array(2000)), packer.frame(new Uint8Array(2000))], [0, false]);
    }
    const records = packer.finish()!;
    assert(records.bytes.length <= 6000);
    got.push(...framesOf(bodiesOf(records.bytes, reader)).data.get(9)!);
  }
  assertEquals(concat(got), whole);
});

Deno.test("KEY is in front of a direction's first record only, and an empty packer makes no record", () => {
  const encoder = newEncoder();
  const first = new RecordPacker(encoder, 1000, 4096);
  first.frame(encode.ping());
  const { bytes } = first.finish()!;
  assertEquals(bytes.length, KEY_LENGTH + RECORD_HEAD_LENGTH + 7);
  assertEquals(new RecordPacker(encoder, 1000, 4096).finish(), null);
  const second = new RecordPacker(encoder, 1000, 4096);
  second.frame(encode.ping());
  assertEquals(second.finish()!.bytes.length, RECORD_HEAD_LENGTH + 7);
});

Deno.test("DATA that is sealed where it lies comes out as it was, behind frames, if there is room for all heads", () => {
  const frames = fc.array(fc.constantFrom(encode.ping(), encode.credit(5, 70_000), encode.ack(5)), { maxLength: 3 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 150_000 }),
      fc.integer({ min: 4096, max: MAX_BODY }),
      frames,
      fc.nat({ max: 100 }),
      (length, max, frames, more) => {
        const encoder = newEncoder(), key = encoder.key(), ahead = concat(frames);
        const records = Math.ceil(length / (max - 7));
        const room = records * DATA_LEAD + (frames.length > 0 ? RECORD_HEAD_LENGTH + ahead.length : 0);
        const bytes = Uint8Array.from({ length }, (_, index) => index * 7 + (index >> 8));
        const lying = (start: number) => ({
          stream: 5,
          buffer: concat([new Uint8Array(start), bytes, new Uint8Array(more)]),
          start,
          length,
        });
        const short = lying(room - 1), before = short.buffer.slice();
        assertEquals(sealData(encoder, short, max, frames), null);
        assertEquals(short.buffer, before);
        const data = lying(room + more), sealed = sealData(encoder, data, max, frames)!;
        assertEquals(
          [sealed.length, sealed.byteOffset, sealed.buffer === data.buffer.buffer],
          [room + length, more, true],
        );
        assertEquals(data.buffer.subarray(data.start + length), new Uint8Array(more));
        const bodies = bodiesOf(concat([key, sealed]), new RecordReader(new RecordDecoder()));
        assertEquals(bodies.length, records + (frames.length > 0 ? 1 : 0));
        if (frames.length > 0) assertEquals(bodies.shift(), ahead);
        assert(concat(framesOf(bodies).data.get(5)!).every((byte, index) => byte === bytes[index]));
      },
    ),
    { numRuns: 20 },
  );
});

Deno.test("before KEY nothing is sealed where it lies", () => {
  const data = { stream: 1, buffer: takeBuffer(1000), start: 500, length: 10 };
  assertEquals(sealData(newEncoder(), data, 4096), null);
});

Deno.test("a random source that fails makes no records", () => {
  const encoder = new RecordEncoder(() => {
    throw new Error("no entropy");
  });
  assertThrows(() => new RecordPacker(encoder, 1000, 4096), Error, "no entropy");
});

Deno.test("padding of any length, behind a record filled to any place, is whole frames of no other type", () => {
  for (const maxBody of [4096, 4100]) {
    for (let filled = maxBody - 20; filled <= maxBody; filled++) {
      for (const padding of [7, 8, 13, 14, 15, 21, 500, 4089, 4096, 9000]) {
        const encoder = newEncoder(), reader = new RecordReader(new RecordDecoder());
        const packer = new RecordPacker(encoder, LARGEST_BUFFER, maxBody);
        assertEquals(packer.data(1, new Uint8Array(filled - 7)), filled - 7);
        packer.pad(padding);
        assertEquals(packer.framed, filled + padding);
        const bodies = bodiesOf(packer.finish()!.bytes, reader);
        assertEquals(bodies.reduce((sum, body) => sum + body.length, 0), filled + padding);
        assert(bodies.every((body) => body.length <= maxBody));
        assertEquals(new Set(framesOf(bodies).others), new Set([FrameType.Pad]));
      }
    }
  }
});
