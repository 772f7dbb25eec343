/** Frames with keys, OFFER and DATAGRAMS: with short shares they leave only in records that are shared byte by byte. */
import "../support/system/native.ts";
import { assert, assertEquals } from "@std/assert";
import type { Shares } from "../../src/association/association_options.ts";
import { LARGEST_BUFFER } from "../../src/net/buffer_pool.ts";
import type { Chunk } from "../../src/net/chunk.ts";
import { MAX_BODY } from "../../src/records/record.ts";
import { RecordDecoder } from "../../src/records/record_decoder.ts";
import { RecordEncoder } from "../../src/records/record_encoder.ts";
import { RecordReader } from "../../src/records/record_reader.ts";
import { systemPads } from "../../src/sharing/system_pads.ts";
import { LONGEST_WHOLE_BODY } from "../../src/short/layout.ts";
import type { Padding } from "../../src/streams/multiplexer_options.ts";
import { Outbox } from "../../src/streams/outbox.ts";
import { packedLength, RecordPacker } from "../../src/streams/record_packer.ts";
import { sizeClass } from "../../src/streams/size_classes.ts";
import { type Frame, FrameType, ResultCode } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { encode, holdsKeys } from "../../src/wire/frame_encoder.ts";
import { HANDLE_LENGTH, REJOIN_SECRETS_LENGTH } from "../../src/wire/rejoin.ts";
import { fc } from "../support/random/property.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";
import { encoded } from "../support/wire/frames.ts";
import { send, sendPiece, streamOn } from "./sides.ts";

const OFFER = encode.offer({
  index: 0,
  handle: new Uint8Array(HANDLE_LENGTH),
  secrets: new Uint8Array(REJOIN_SECRETS_LENGTH),
});

const DATAGRAMS = encode.datagrams({
  key: new Uint8Array(16),
  handles: Array.from({ length: 16 }, () => new Uint8Array(8)),
});

const WORKERS = encode.workers({ count: 2, id: new Uint8Array(16) });

/** Bodies of records, as the names of their frames and their lengths. */
type Body = { readonly frames: readonly string[]; readonly length: number };

/** `Data 3 100`, with stream and length; of other frames the length with the head. */
function nameOf(frame: Frame): string {
  const { length } = frame.type === FrameType.Data ? frame.bytes : encoded(frame);
  return `${FrameType[frame.type]} ${"stream" in frame ? frame.stream : 0} ${length}`;
}

/** The bodies of a write. */
function bodiesOf(chunk: Chunk, records: RecordReader): Body[] {
  const bodies: Body[] = [];
  records.push(chunk);
  for (let body = records.next(); body !== null; body = records.next()) {
    const frames = new FrameDecoder(body.bytes), names: string[] = [];
    for (let frame = frames.next(); frame !== null; frame = frames.next()) {
      names.push(nameOf(frame));
    }
    bodies.push({ frames: names, length: body.bytes.length });
    body.release();
  }
  return bodies;
}

/** An outbox whose writes are taken at once. */
function setUp(shares: Shares, padding: Padding = "off") {
  const clock = new FakeClock(), writes: Body[][] = [], records = new RecordReader(new RecordDecoder());
  const options = { clock, counters: { padding: 0 }, padding: () => padding, shares };
  const outbox = new Outbox(new RecordEncoder(systemPads), options);
  const write = (chunk: Chunk) => {
    writes.push(bodiesOf(chunk, records));
    outbox.written();
  };
  outbox.readable.pipeTo(new WritableStream({ write })).catch(() => {});
  const stream = (number: number) => {
    const made = streamOn(outbox, clock, number, 16_777_216);
    made.onCredit(8_000_000);
    return made;
  };
  return { clock, outbox, writes, stream };
}

function hasKeys({ frames }: Body): boolean {
  return frames.some((name) => name.startsWith("Offer ") || name.startsWith("Datagrams "));
}

/** Bytes of bodies. */
function sum(bodies: readonly Body[]): number {
  return bodies.reduce((sum, { length }) => sum + length, 0);
}

function assertSmall(bodies: readonly Body[]): void {
  for (const body of bodies) assert(!hasKeys(body) || body.length <= LONGEST_WHOLE_BODY, JSON.stringify(body));
}

const anyFrame = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(OFFER, DATAGRAMS) },
  fc.constantFrom(WORKERS, encode.ping(), encode.ack(5), encode.end(7), encode.credit(2, 1)),
  fc.nat({ max: 200 }).map((length) => encode.result(1, ResultCode.Refused, "x".repeat(length))),
);

for (const padding of ["off", "sizes", "beat"] as const) {
  Deno.test(`short shares, padding ${padding}: whatever else leaves, keys do in short bodies, and all in order`, async () => {
    const turns = fc.array(
      fc.record({
        frames: fc.array(anyFrame, { maxLength: 24 }),
        data: fc.array(fc.oneof(fc.integer({ min: 1, max: 1100 }), fc.integer({ min: 1, max: 70_000 })), {
          maxLength: 3,
        }),
      }),
      { minLength: 1, maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(turns, async (turns) => {
        const { clock, outbox, writes, stream } = setUp("short", padding);
        const streams = [1, 2, 3].map(stream), pushed: string[] = [], lengths = [0, 0, 0];
        for (const { frames, data } of turns) {
          for (const frame of frames) {
            outbox.push(frame);
            pushed.push(nameOf(new FrameDecoder(frame).next()!));
          }
          const sent = data.map((length, at) => {
            lengths[at]! += length;
            return send(streams[at]!, new Uint8Array(length));
          });
          await Promise.all([outbox.flushed(), ...sent, clock.advance(100)]);
        }
        const bodies = writes.flat(), names = bodies.flatMap(({ frames }) => frames);
        assertSmall(bodies);
        // With padding, each stream's frames are in order.
        const inOrder = (all: readonly string[], number: number) =>
          all.filter((name) => !/^(Pad|Data) /.test(name) && name.split(" ")[1] === String(number));
        for (const number of [0, 1, 2, 7]) assertEquals(inOrder(names, number), inOrder(pushed, number));
        if (padding === "off") assertEquals(names.filter((name) => !name.startsWith("Data ")), pushed);
        for (const [at, length] of lengths.entries()) {
          const data = names.filter((name) => name.startsWith(`Data ${at + 1} `));
          assertEquals(data.reduce((sum, name) => sum + Number(name.split(" ")[2]), 0), length);
        }
        outbox.stop();
      }),
      { numRuns: 60 },
    );
  });
}

Deno.test("short shares: the first answer on 16 channels is one write, WORKERS first, three OFFERs to a record", async () => {
  const { outbox, writes, stream } = setUp("short");
  for (const frame of [WORKERS, ...Array.from({ length: 16 }, () => OFFER), DATAGRAMS]) outbox.push(frame);
  outbox.push(encode.result(1, ResultCode.Ok));
  await send(stream(1), new Uint8Array(3000));
  const [bodies, ...more] = writes;
  assertEquals(more, []);
  assertEquals(bodies!.map(({ frames }) => frames.map((name) => name.split(" ")[0]!)), [
    ["Workers", "Offer", "Offer", "Offer"],
    ...Array.from({ length: 4 }, () => ["Offer", "Offer", "Offer"]),
    ["Offer", "Datagrams", "Result"],
    ["Data"],
  ]);
});

Deno.test("full shares: keys are like other frames, and share one record with what leaves at the same time", async () => {
  const { outbox, writes, stream } = setUp("full");
  for (let count = 0; count < 8; count++) outbox.push(OFFER);
  outbox.push(DATAGRAMS);
  await send(stream(1), new Uint8Array(1000));
  assertEquals(writes.flat().map(({ length }) => length), [8 * OFFER.length + DATAGRAMS.length + 7 + 1000]);
});

for (const shares of ["short", "full"] as const) {
  Deno.test(`${shares} shares: keys leave in front of a piece that is sealed where it lies, or is copied for them`, async () => {
    for (const offers of [1, 3, 4, 8]) {
      const { outbox, writes, stream } = setUp(shares), one = stream(1), start = 16_384;
      await send(one, new Uint8Array(50_000));
      writes.length = 0;
      for (let count = 0; count < offers; count++) outbox.push(OFFER);
      await sendPiece(one, { buffer: new Uint8Array(start + 50_000), start, length: 50_000 });
      const bodies = writes.flat(), keys = bodies.filter(hasKeys);
      if (shares === "short") assertSmall(bodies);
      const records = shares === "short" ? Math.ceil(offers / 3) : 1;
      assertEquals([keys.length, sum(keys)], [records, offers * OFFER.length]);
    }
  });
}

/** Lengths of bodies, with padding by size classes, of what leaves at one time on an association with short shares. */
async function paddedLengths(frames: readonly Uint8Array[], data: readonly number[]): Promise<number[]> {
  const { outbox, writes, stream } = setUp("short", "sizes");
  // KEY goes in front of the first record.
  outbox.push(encode.ping());
  await settle();
  writes.length = 0;
  for (const frame of frames) outbox.push(frame);
  await Promise.all(data.map((length, at) => send(stream(at + 1), new Uint8Array(length))));
  await settle();
  assertEquals(writes.length, 1);
  assertSmall(writes.flat());
  return writes.flat().map(({ length }) => length);
}

Deno.test("short shares: bodies have the lengths of padded bursts, whatever the frames in them are", async () => {
  const result = (length: number) => encode.result(2, ResultCode.Refused, "x".repeat(length));
  const classes = [sizeClass(1000 + 14), sizeClass(3500 + 14)];
  const all = [[[], [3500, 1000]], [[result(100)], [3480, 890]], [[result(200)], [3550, 790]]] as const;
  for (const [frames, data] of all) {
    const lengths = await paddedLengths(frames, data);
    // Frames of the second stream come first.
    assertEquals(lengths.toSorted((a, b) => a - b), classes);
  }
});

Deno.test("short shares: a burst with keys is padded to its class in short records, which no other burst changes", async () => {
  for (const offers of [1, 2, 3, 4, 8, 16]) {
    const keys = Array.from({ length: offers }, () => OFFER);
    const [alone, ...others] = await Promise.all([
      paddedLengths(keys, []),
      ...[1, 100, 400].map((length) => paddedLengths([...keys, encode.result(1, ResultCode.Ok)], [length])),
    ]);
    assertEquals(alone!.reduce((sum, length) => sum + length), sizeClass(offers * OFFER.length + 7));
    for (const other of others) assertEquals(other, [...alone!, 512]);
  }
});

Deno.test("frames with keys fit whole into the length that was reckoned, wherever they come", () => {
  const parts = fc.array(fc.oneof(anyFrame, fc.integer({ min: 1, max: 9000 }).map((n) => new Uint8Array(n))), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(parts, fc.integer({ min: 4096, max: MAX_BODY }), (parts, maxBody) => {
      const isFrame = (part: Uint8Array) => part[0] !== 0, frames = parts.filter((part) => isFrame(part)).length;
      const length = parts.reduce((sum, part) => sum + part.length, 0), keys = parts.filter(holdsKeys).length;
      const most = packedLength(length, parts.length - frames, maxBody, keys);
      if (most > LARGEST_BUFFER) return;
      const bounds = { maxBody: LONGEST_WHOLE_BODY, count: keys };
      const packer = new RecordPacker(new RecordEncoder(systemPads), most, maxBody, bounds);
      for (const part of parts) {
        if (isFrame(part)) assert(packer.frame(part));
        else assertEquals(packer.data(1, part), part.length);
      }
      const bodies = bodiesOf(packer.finish()!, new RecordReader(new RecordDecoder()));
      assertSmall(bodies);
      assert(bodies.every(({ length }) => length <= maxBody));
    }),
    { numRuns: 300 },
  );
});

Deno.test("frames with keys, and padding, fill a buffer of any length up to the room there was, and no further", () => {
  const lengths = fc.integer({ min: 1500, max: 20_000 });
  fc.assert(
    fc.property(lengths, fc.integer({ min: 4096, max: 8192 }), fc.array(anyFrame), (length, maxBody, frames) => {
      const keys = { maxBody: LONGEST_WHOLE_BODY, count: frames.filter(holdsKeys).length };
      const packer = new RecordPacker(new RecordEncoder(systemPads), length, maxBody, keys), { room } = packer;
      if (room < 14) return void packer.finish();
      packer.most = room - 7;
      for (const frame of frames) if (!packer.frame(frame)) break;
      packer.pad(room - packer.framed);
      assertEquals(packer.framed, room);
      const chunk = packer.finish()!;
      assert(chunk.bytes.length <= length);
      const bodies = bodiesOf(chunk, new RecordReader(new RecordDecoder()));
      assertSmall(bodies);
      assertEquals(sum(bodies), room);
    }),
    { numRuns: 500 },
  );
});
