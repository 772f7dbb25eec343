/** Padding: each stream's bursts have sizes of classes only, and small writes leave on a steady beat. */
import "../support/system/native.ts";
import { assert, assertEquals } from "@std/assert";
import type { Chunk } from "../../src/net/chunk.ts";
import { LARGEST_BUFFER } from "../../src/net/buffer_pool.ts";
import { RecordDecoder } from "../../src/records/record_decoder.ts";
import { RecordEncoder } from "../../src/records/record_encoder.ts";
import { RecordReader } from "../../src/records/record_reader.ts";
import { systemPads } from "../../src/sharing/system_pads.ts";
import { BEAT, LINGER } from "../../src/streams/beat.ts";
import type { Padding } from "../../src/streams/multiplexer_options.ts";
import { Outbox } from "../../src/streams/outbox.ts";
import { largestClass, MIN_CLASS, sizeClass } from "../../src/streams/size_classes.ts";
import type { Stream } from "../../src/streams/stream.ts";
import { type Frame, FRAME_HEAD_LENGTH, FrameType } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { fc } from "../support/random/property.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";
import { encoded } from "../support/wire/frames.ts";
import { end, send, streamOn } from "./sides.ts";

/** A write: its frames, and its length with heads of records and KEY. */
interface Write {
  readonly frames: Frame[];
  readonly length: number;
  readonly bodies: number;
}

/** An outbox whose writes are taken at once. */
function setUp(padding: Padding) {
  const clock = new FakeClock(), counters = { padding: 0 }, writes: Write[] = [];
  const outbox = new Outbox(new RecordEncoder(systemPads), { clock, counters, padding: () => padding });
  const records = new RecordReader(new RecordDecoder());
  const take = (chunk: Chunk) => {
    const { length } = chunk.bytes, frames: Frame[] = [];
    records.push(chunk);
    let bodies = 0;
    for (let body = records.next(); body !== null; body = records.next()) {
      const decoder = new FrameDecoder(body.bytes);
      bodies += body.bytes.length;
      for (let frame = decoder.next(); frame !== null; frame = decoder.next()) {
        frames.push(frame.type === FrameType.Data ? { ...frame, bytes: frame.bytes.slice() } : frame);
      }
      body.release();
    }
    writes.push({ frames, length, bodies });
    outbox.written();
  };
  outbox.readable.pipeTo(new WritableStream({ write: take })).catch(() => {});
  const stream = (number: number): Stream => {
    const made = streamOn(outbox, clock, number, 16_777_216);
    made.onCredit(8_000_000);
    return made;
  };
  return { clock, outbox, counters, stream, writes };
}

/** The lengths of bursts: of consecutive frames up to padding, which ends each. */
function burstsOf({ frames }: Write): { length: number; streams: Set<number> }[] {
  const bursts: { length: number; streams: Set<number> }[] = [];
  let length = 0, streams = new Set<number>();
  for (const [at, frame] of frames.entries()) {
    length += encoded(frame).length;
    if ("stream" in frame) streams.add(frame.stream);
    // Padding may be several frames, where a record ends.
    if (frame.type !== FrameType.Pad || frames[at + 1]?.type === FrameType.Pad) continue;
    bursts.push({ length, streams });
    length = 0;
    streams = new Set();
  }
  assertEquals(length, 0, "a write ends in padding");
  return bursts;
}

Deno.test("whatever streams send, each one's burst has the size of a class, and all bytes arrive in order", async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 3 });
  const streamsOf = fc.array(fc.tuple(sizes, fc.nat(3)), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(streamsOf, async (all) => {
      const { outbox, stream, writes, counters } = setUp("sizes");
      const streams = all.map((_, at) => stream(at + 1));
      await Promise.all(all.map(async ([sizes, controls], at) => {
        for (let count = 0; count < controls; count++) outbox.push(encode.credit(at + 1, 1));
        for (const size of sizes) await send(streams[at]!, new Uint8Array(size).fill(at + 1));
        await end(streams[at]!);
      }));
      let padding = 0;
      for (const write of writes) {
        const bursts = burstsOf(write);
        for (const { length, streams } of bursts) {
          assertEquals(sizeClass(length), length);
          assert(streams.size <= 1, "only one stream in a burst");
        }
        for (const frame of write.frames) if (frame.type === FrameType.Pad) padding += FRAME_HEAD_LENGTH + frame.length;
      }
      assertEquals(padding, counters.padding);
      all.forEach(([sizes], at) => {
        const got = writes.flatMap(({ frames }) => frames).filter((frame) =>
          "stream" in frame && frame.stream === at + 1
        );
        const data = got.reduce((sum, frame) => sum + (frame.type === FrameType.Data ? frame.bytes.length : 0), 0);
        assertEquals(data, sizes.reduce((sum, size) => sum + size));
        assertEquals(got.at(-1)!.type, FrameType.End);
      });
    }),
    { numRuns: 40 },
  );
});

Deno.test("a long piece leaves in classes that fill the largest buffer, and no frame is lost in a full one", async () => {
  const { outbox, stream, writes } = setUp("sizes");
  const one = stream(1), two = stream(2);
  const sending = [send(one, new Uint8Array(2_000_000)), send(two, new Uint8Array(700_000))];
  for (let count = 0; count < 2000; count++) outbox.push(encode.credit(2, 1));
  await Promise.all(sending);
  for (const write of writes) {
    for (const { length } of burstsOf(write)) {
      assertEquals([largestClass(length), length <= LARGEST_BUFFER], [length, true]);
    }
  }
  const frames = writes.flatMap(({ frames }) => frames);
  const dataOf = (number: number) =>
    frames.reduce((sum, f) => sum + (f.type === FrameType.Data && f.stream === number ? f.bytes.length : 0), 0);
  assertEquals([dataOf(1), dataOf(2)], [2_000_000, 700_000]);
  assertEquals(frames.filter(({ type }) => type === FrameType.Credit).length, 2000);
});

Deno.test("a keystroke, a request and the frames that end a session look the same", async () => {
  const { outbox, stream, writes } = setUp("sizes");
  const one = stream(1);
  outbox.push(encode.ping());
  await settle();
  for (const size of [1, 40, 400]) await send(one, new Uint8Array(size));
  await end(one);
  // KEY goes in front of the first record.
  assertEquals(writes.map(({ length }) => length), [48 + 35 + 512, 35 + 512, 35 + 512, 35 + 512, 35 + 512]);
});

Deno.test("without padding, no byte is added", async () => {
  const { stream, writes, counters, clock } = setUp("off");
  await send(stream(1), new Uint8Array(1));
  assertEquals([writes[0]!.length, counters.padding, clock.pending], [48 + 35 + 7 + 1, 0, 0]);
});

Deno.test("keystrokes leave on a steady beat, in writes of one size, which goes on for a while", async () => {
  const { clock, stream, writes, outbox } = setUp("beat");
  const one = stream(1), start = clock.now();
  const times: number[] = [];
  const observe = () => {
    while (times.length < writes.length) times.push(clock.now() - start);
  };
  await send(one, new Uint8Array(1));
  observe();
  let typed = 1;
  // Keys are hit at any time, some of them between two beats.
  for (const pause of [3, 4, 5, 33, 90, 41, 7, 250]) {
    for (let ms = 0; ms < pause; ms++) {
      await clock.advance(1);
      observe();
    }
    const sending = send(one, new Uint8Array(1));
    for (let ms = 0; ms < BEAT; ms++) {
      await clock.advance(1);
      observe();
    }
    await sending;
    typed++;
  }
  const last = clock.now();
  while (clock.pending > 0) {
    await clock.advance(1);
    observe();
  }
  assertEquals(times.map((time) => time % BEAT), times.map(() => 0));
  assertEquals(times, Array.from({ length: times.length }, (_, at) => at * BEAT), "no beat is left out");
  assert(clock.now() - last >= LINGER - BEAT && clock.now() - last <= 2 * LINGER + BEAT);
  assertEquals(new Set(writes.slice(1).map(({ length }) => length)), new Set([35 + MIN_CLASS]));
  const data = writes.flatMap(({ frames }) => frames).filter(({ type }) => type === FrameType.Data);
  assertEquals(data.length, typed);
  outbox.stop();
});

Deno.test("bulk does not wait for the beat, nor does what does not fit into its writes", async () => {
  const { clock, stream, writes, outbox } = setUp("beat");
  const one = stream(1), two = stream(2);
  await send(one, new Uint8Array(1));
  await send(two, new Uint8Array(5000));
  assertEquals(writes.map(({ length }) => length > 5000), [false, true]);
  for (const write of writes.slice(1)) {
    for (const { length } of burstsOf(write)) assertEquals(sizeClass(length), length);
  }
  await clock.advance(2 * LINGER + 2 * BEAT);
  assertEquals(clock.pending, 0, "no timer is left");
  outbox.stop();
});

Deno.test("a beat waits for a write that is under way, and ends with the association", async () => {
  const clock = new FakeClock(), counters = { padding: 0 };
  const outbox = new Outbox(new RecordEncoder(systemPads), { clock, counters, padding: () => "beat" });
  const reader = outbox.readable.getReader();
  const stream = streamOn(outbox, clock, 1);
  const first = reader.read();
  send(stream, new Uint8Array(1));
  (await first).value!.release();
  // Nothing reads: ten beats later there is one write, not ten.
  await clock.advance(10 * BEAT);
  assertEquals(outbox.passed, 1);
  const second = reader.read();
  await settle();
  await clock.advance(BEAT);
  (await second).value!.release();
  assertEquals(outbox.passed, 2);
  outbox.stop();
  assertEquals(clock.pending, 0);
});
