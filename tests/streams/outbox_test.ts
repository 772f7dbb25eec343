/** Frames that wait to leave on an association, and their way into records. */
import "../support/system/native.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Chunk } from "../../src/net/chunk.ts";
import { RecordDecoder } from "../../src/records/record_decoder.ts";
import { RecordEncoder } from "../../src/records/record_encoder.ts";
import { RecordReader } from "../../src/records/record_reader.ts";
import { systemPads } from "../../src/sharing/system_pads.ts";
import { Outbox } from "../../src/streams/outbox.ts";
import { DATA_LEAD } from "../../src/streams/record_packer.ts";
import type { Stream } from "../../src/streams/stream.ts";
import { FrameType } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";
import { end, send, sendPiece, streamOn } from "./sides.ts";

/** An outbox, streams that use it, and its reader, which the test drives. */
function setUp() {
  const clock = new FakeClock(),
    outbox = new Outbox(new RecordEncoder(systemPads), { clock, counters: { padding: 0 } });
  const records = new RecordReader(new RecordDecoder()), reader = outbox.readable.getReader();
  const stream = (number: number): Stream => streamOn(outbox, clock, number);
  /** The frames of the next chunk: `PING`, or `DATA 3 100` with stream and length. */
  const next = async () => {
    const { value } = await reader.read();
    const names: string[] = [];
    const chunk: Chunk = value!;
    const { length } = chunk.bytes;
    records.push(chunk);
    for (let body = records.next(); body !== null; body = records.next()) {
      const frames = new FrameDecoder(body.bytes);
      for (let frame = frames.next(); frame !== null; frame = frames.next()) {
        const name = FrameType[frame.type]!.toUpperCase();
        names.push(frame.type === FrameType.Data ? `${name} ${frame.stream} ${frame.bytes.length}` : name);
      }
      body.release();
    }
    return { names, length };
  };
  return { clock, outbox, reader, stream, next };
}

const bytes = (length: number) => new Uint8Array(length);

Deno.test("frames leave in order, and before the DATA that came earlier in the same turn", async () => {
  const { outbox, stream, next } = setUp();
  const reading = next();
  send(stream(3), bytes(100));
  outbox.push(encode.ping());
  outbox.push(encode.credit(3, 5));
  assertEquals((await reading).names, ["PING", "CREDIT", "DATA 3 100"]);
});

Deno.test("what comes while nothing can leave waits, and leaves in one write", async () => {
  const { outbox, stream, next } = setUp();
  const streams = [1, 2, 3].map(stream);
  for (const one of streams) send(one, bytes(10));
  await settle();
  outbox.push(encode.ping());
  await settle();
  assertEquals(outbox.passed, 0);
  assertEquals((await next()).names, ["PING", "DATA 1 10", "DATA 2 10", "DATA 3 10"]);
  assertEquals(outbox.passed, 1);
});

Deno.test("a part of a piece that is sealed where it lies leaves once the part before it has been released", async () => {
  const { outbox, reader, stream, next } = setUp();
  const one = stream(1);
  outbox.push(encode.ping());
  await next();
  const start = 8 * DATA_LEAD;
  sendPiece(one, { buffer: bytes(start + 60_000), start, length: 60_000 });
  const first = (await reader.read()).value!, second = reader.read();
  let came = false;
  second.then(() => came = true);
  await settle();
  assertEquals([first.bytes.length < 40_000, came], [true, false]);
  first.release();
  const { bytes: { buffer } } = (await second).value!;
  assert(buffer === first.bytes.buffer);
});

Deno.test("streams take turns: a long piece leaves in parts, behind which others come first", async () => {
  const { outbox, stream, next } = setUp();
  const [long, short] = [stream(1), stream(2)];
  long.onCredit(1_000_000);
  const sent = send(long, bytes(600_000));
  send(short, bytes(50));
  const first = await next();
  outbox.written();
  const of = (names: string[], number: number) =>
    names.filter((name) => name.startsWith(`DATA ${number} `)).reduce(
      (sum, name) => sum + Number(name.split(" ")[2]),
      0,
    );
  assertEquals([of(first.names, 1), of(first.names, 2)], [65_536, 50]);
  let left = 600_000 - 65_536;
  for (let count = 0; left > 0; count++) {
    if (count === 2) void send(short, bytes(70));
    const { names } = await next();
    outbox.written();
    left -= of(names, 1);
    if (count === 2) assertEquals(of(names, 2), 70);
  }
  assertEquals(left, 0);
  await sent;
});

/** Longest DATA of a chunk, by its frames' names. */
function longestOf(names: readonly string[]): number {
  return Math.max(...names.map((name) => Number(name.split(" ")[2] ?? 0)));
}

/** Lengths of records at each of some rounds: a long chunk leaves, then a short one, each after its time in milliseconds. */
async function paced(rounds: number, [long, short]: readonly [number, number]): Promise<number[]> {
  const { clock, outbox, stream, next } = setUp(), lengths: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    send(stream(round), bytes(32_000));
    const { names } = await next();
    lengths.push(longestOf(names));
    outbox.push(encode.ping());
    assertEquals((await next()).names, ["PING"], "the short chunk is on its way with the long one");
    await clock.advance(long);
    outbox.written();
    await clock.advance(short);
    outbox.written();
  }
  return lengths;
}

Deno.test("records grow with the pace of long chunks, whatever short ones behind them take, and stay short on a slow path", async () => {
  const fast = await paced(20, [1, 5000]);
  assert(fast[0]! <= 4096 && fast.at(-1)! > 30_000, fast.join());
  const slow = await paced(20, [5000, 1]);
  assert(slow.every((length) => length <= 4096), slow.join());
});

Deno.test("with more than one write holds, streams that had no turn are first in the next", async () => {
  const { outbox, stream, next } = setUp();
  const streams = Array.from({ length: 24 }, (_, index) => stream(index + 1));
  for (const one of streams) {
    one.onCredit(10_000_000);
    send(one, bytes(500_000));
  }
  const heard: string[] = [];
  for (let count = 0; count < 4; count++) {
    const { names } = await next();
    heard.push(...names);
    outbox.written();
  }
  const served = new Set(heard.map((name) => name.split(" ")[1]));
  assertEquals(served.size, streams.length);
});

Deno.test("DATA never leaves before a frame that was pushed before it, however full the write is", async () => {
  for (let pad = 0; pad < 12; pad++) {
    const { outbox, stream, next } = setUp();
    for (let count = 0; count < 50_000; count++) outbox.push(encode.credit(1, 1));
    for (let count = 0; count < pad; count++) outbox.push(encode.end(5));
    outbox.push(encode.reset(9, 1));
    send(stream(1), bytes(1));
    const heard: string[] = [];
    while (!heard.includes("DATA 1 1")) {
      const { names } = await next();
      heard.push(...names);
      outbox.written();
    }
    assertEquals(heard.slice(-2), ["RESET", "DATA 1 1"]);
  }
});

Deno.test("more than a buffer holds leaves in several writes, each stream's bytes in order", async () => {
  const { outbox, stream, next } = setUp();
  const streams = Array.from({ length: 20 }, (_, index) => stream(index + 1));
  for (let count = 0; count < 30_000; count++) outbox.push(encode.credit(1, 1));
  const sent = streams.map((one) => send(one, bytes(60_000)).then(() => end(one)));
  const heard: string[] = [];
  while (heard.filter((name) => name === "END").length < 20) {
    const { names, length } = await next();
    assert(length <= 524_288 + 10_000);
    heard.push(...names);
    outbox.written();
  }
  await Promise.all(sent);
  assertEquals(heard.filter((name) => name === "CREDIT").length, 30_000);
  for (const { number } of streams) {
    const mine = heard.filter((name) => name.startsWith(`DATA ${number} `));
    assertEquals(mine.reduce((sum, name) => sum + Number(name.split(" ")[2]), 0), 60_000);
  }
});

Deno.test("flushed(), what was sent, and END settle once every channel has accepted what was there", async () => {
  const { outbox, stream, next } = setUp();
  await outbox.flushed();
  const one = stream(1);
  const other = stream(2);
  let flushed = false, left = false, sent = false;
  send(other, bytes(5)).then(() => sent = true);
  outbox.push(encode.ping());
  outbox.flushed().then(() => flushed = true);
  end(one).then(() => left = true);
  const { names } = await next();
  assertEquals(names, ["PING", "DATA 2 5", "END"]);
  await settle();
  assertEquals([flushed, left, sent], [false, false, false]);
  outbox.written();
  await settle();
  assertEquals([flushed, left, sent], [true, true, true]);
});

Deno.test("what is on its way when its stream fails is rejected, not left open", async () => {
  const { stream, next } = setUp();
  for (const length of [100, 20_000]) {
    const one = stream(length);
    const failed = assertRejects(() => send(one, bytes(length)), Error, "gone");
    assertEquals((await next()).names.at(-1)?.startsWith("DATA"), true);
    one.fail(new Error("gone"));
    await failed;
  }
});

Deno.test("streams that are over leave nothing, and hold up nobody", async () => {
  const { outbox, stream, next } = setUp();
  const [gone, other] = [stream(1), stream(2)];
  const failed = assertRejects(() => send(gone, bytes(100)), Error, "gone");
  gone.fail(new Error("gone"));
  await failed;
  const reading = next();
  await settle();
  assertEquals(outbox.passed <= 1, true);
  send(other, bytes(5));
  const names = (await reading).names;
  assertEquals(names.length > 0 ? names : (await next()).names, ["DATA 2 5"]);
});

Deno.test("an error of the encoder becomes that of the readable side", async () => {
  const outbox = new Outbox(
    new RecordEncoder(() => {
      throw new Error("no entropy");
    }),
    { clock: new FakeClock(), counters: { padding: 0 } },
  );
  outbox.push(encode.ping());
  await assertRejects(() => outbox.readable.getReader().read(), Error, "no entropy");
});
