/** A stream's life between two real sides: half-closes, resets, and what leaves in which record. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { DATA_LEAD } from "../../src/streams/record_packer.ts";
import { concat } from "../../src/wire/concat.ts";
import { FrameType, INITIAL_CREDIT, ResetCode, ResultCode } from "../../src/wire/frame.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { settle } from "../support/time/fake_clock.ts";
import { Random } from "../support/random/random.ts";
import { OPEN } from "../support/handlers/session_pair.ts";
import { bothSides, byHand, end, open, quiet, Receiver, send, sendPiece } from "./sides.ts";

const { Ok, Refused } = ResultCode;

Deno.test("a stream is over once both directions have ended, whichever ends first", async () => {
  for (const first of ["client", "server", "together"]) {
    const { up, down, finish } = await bothSides();
    const mine = open(up);
    await quiet();
    const theirs = down.receivers[0]!.stream;
    theirs.answer(Ok);
    const order = first === "client" ? [mine, theirs] : [theirs, mine];
    const ended = [];
    for (const stream of order) {
      await send(stream, Uint8Array.of(1, 2));
      ended.push(end(stream));
      if (first !== "together") await quiet();
      if (stream === order[0] && first !== "together") {
        assertEquals([mine.over, theirs.over, up.streams.size, down.streams.size], [false, false, 1, 1]);
        // The other direction still carries.
        await send(order[1]!, new Uint8Array(200_000));
      }
    }
    await Promise.all(ended);
    await quiet();
    assertEquals([mine.over, theirs.over, up.streams.size, down.streams.size], [true, true, 0, 0]);
    assertEquals(up.receivers[0]!.events.toSorted(), ["answered", "ended"]);
    assertEquals(down.receivers[0]!.events, ["ended"]);
    await finish();
  }
});

Deno.test("END leaves behind all DATA, and nothing is sent behind it", async () => {
  const { side, peer, finish } = await byHand("client");
  const stream = open(side);
  await send(stream, new Uint8Array(30_000));
  await end(stream);
  await assertEquals((await peer.drain()).at(-1), "END");
  await peer.send(encode.result(1, Ok), encode.blocked(1), encode.credit(1, 100));
  assertEquals(await peer.drain(), []);
  await finish();
});

Deno.test("a refused stream is over on both sides, and its client gets code and text", async () => {
  const { up, down, finish } = await bothSides({ receiver: () => new Receiver(false) });
  const stream = open(up);
  const sending = send(stream, new Uint8Array(300_000)).catch((error) => error.message);
  await quiet();
  down.receivers[0]!.stream.answer(Refused, "not today");
  await quiet();
  assertEquals([await sending, up.receivers[0]!.events], ["not today", ["not today"]]);
  assertEquals([stream.over, up.streams.size, down.streams.size, up.association.ended], [true, 0, 0, false]);
  down.receivers[0]!.stream.answer(Ok);
  down.receivers[0]!.stream.reset(ResetCode.Limit);
  await quiet();
  assertEquals([up.receivers[0]!.events, up.association.ended], [["not today"], false]);
  await finish();
});

Deno.test("RESET while a piece waits rejects it on both sides, and concerns that stream alone", async () => {
  for (const by of ["sender", "receiver"]) {
    const { up, down, finish } = await bothSides({ receiver: () => new Receiver(false) });
    const [stream, other] = [open(up), open(up)];
    const waiting = send(stream, new Uint8Array(500_000)), beside = send(other, new Uint8Array(INITIAL_CREDIT + 1));
    await quiet();
    for (const { stream } of down.receivers) stream.answer(Ok);
    await quiet();
    const failed = assertRejects(() => waiting, Error, by === "sender" ? "" : "reset by the other side: application");
    (by === "sender" ? stream : down.receivers[0]!.stream).reset(ResetCode.Application);
    await failed;
    await quiet();
    const [near, far] = by === "sender" ? [up, down] : [down, up];
    assertEquals(far.receivers[0]!.events.at(-1), "reset by the other side: application");
    // The side that resets needs no word of it.
    assert(!near.receivers[0]!.events.some((event) => event.startsWith("reset")));
    assertEquals([up.streams.size, down.streams.size], [1, 1]);
    down.receivers[1]!.take();
    await beside;
    await quiet();
    assertEquals(down.receivers[1]!.bytes.length, INITIAL_CREDIT + 1);
    await finish();
  }
});

Deno.test("nothing can be sent on a stream that is over, and repeating its end has no effect", async () => {
  const { side, peer, finish } = await byHand("client");
  const stream = open(side);
  stream.reset(ResetCode.Limit);
  await peer.drain();
  for (let round = 0; round < 2; round++) {
    await assertRejects(() => send(stream, Uint8Array.of(1)), Error, "the stream is over");
    await assertRejects(() => end(stream), Error, "the stream is over");
    stream.reset(ResetCode.Application);
    stream.fail(new Error("late"));
    stream.taken(0);
  }
  assertEquals([await peer.drain(), side.receivers[0]!.events, side.streams.size], [[], [], 0]);
  await finish();
});

Deno.test("frames of several streams that come in one turn leave in one record and one write on each channel", async () => {
  const { side, peer, client, finish } = await byHand("client");
  let writes = 0;
  for (const connection of client.connections) {
    const write = connection.write.bind(connection);
    connection.write = (bytes) => {
      writes++;
      return write(bytes);
    };
  }
  const streams = Array.from({ length: 50 }, () => open(side));
  const sending = streams.map((stream, index) => send(stream, new Uint8Array(10).fill(index)));
  side.streams.ping();
  await Promise.all(sending);
  await quiet();
  const frames = peer.heard.splice(0);
  assertEquals([frames.length, new Set(frames.map(({ record }) => record)).size], [101, 1]);
  assertEquals([writes, side.streams.sent], [2, 1]);
  const data = frames.filter((frame) => frame.type === FrameType.Data);
  assertEquals(data.map(({ stream }) => stream), streams.map(({ number }) => number));
  await finish();
});

Deno.test("long pieces of one stream leave whole, in records of at most 64 KiB, several in a write", async () => {
  const { side, peer, client, finish } = await byHand("client");
  const stream = open(side);
  await peer.send(encode.result(1, Ok), encode.credit(1, 100_000_000));
  await quiet();
  const bytes = new Random(1).bytes(500_000);
  const piece = () => ({
    buffer: concat([new Uint8Array(8 * DATA_LEAD), bytes]),
    start: 8 * DATA_LEAD,
    length: bytes.length,
  });
  // The first ones are short, while the pace of the channels is not known.
  for (let round = 0; round < 10; round++) await sendPiece(stream, piece());
  await quiet();
  peer.heard.splice(0);
  let writes = 0;
  const write = client.connections[0]!.write.bind(client.connections[0]);
  client.connections[0]!.write = (bytes) => {
    writes++;
    return write(bytes);
  };
  await sendPiece(stream, piece());
  await quiet();
  const frames = peer.heard.splice(0);
  let at = 0;
  for (const frame of frames) {
    assert(frame.type === FrameType.Data && frame.bytes.length > 4096);
    assert(frame.bytes.every((byte, index) => byte === bytes[at + index]), `from byte ${at}`);
    at += frame.bytes.length;
  }
  assertEquals(at, bytes.length);
  assert(frames.length <= 10, `${frames.length} records`);
  assert(writes < 20, `${writes} writes`);
  await finish();
});

Deno.test("a long piece leaves in parts as credit comes, other frames with it, and arrives as it was", async () => {
  const { side, peer, finish } = await byHand("client");
  const stream = open(side), bytes = new Random(2).bytes(400_000), start = 8 * DATA_LEAD;
  const sent = sendPiece(stream, { buffer: concat([new Uint8Array(start), bytes]), start, length: bytes.length });
  let credit = INITIAL_CREDIT, at = 0, pings = 0;
  for (const increment of [0, 20_000, 1, 300, 100_000, 16_384, 17_000, 5, 400_000]) {
    side.streams.ping();
    if (increment > 0) await peer.send(encode.credit(1, increment));
    else await peer.send(encode.result(1, Ok));
    await quiet();
    credit += increment;
    for (const frame of peer.heard.splice(0)) {
      if (frame.type === FrameType.Ping) pings++;
      if (frame.type !== FrameType.Data) continue;
      assert(frame.bytes.every((byte, index) => byte === bytes[at + index]), `from byte ${at}`);
      at += frame.bytes.length;
    }
    assertEquals(at, Math.min(credit, bytes.length));
  }
  await sent;
  assertEquals([at, pings], [bytes.length, 9]);
  await finish();
});

Deno.test("small streams are not held up by a bulk flow of another one", async () => {
  const { side, peer, finish } = await byHand("server");
  await peer.send(encode.open(1, OPEN), encode.credit(1, 100_000_000));
  for (let number = 2; number <= 21; number++) await peer.send(encode.open(number, OPEN));
  await quiet();
  const [bulk, ...small] = side.receivers.map(({ stream }) => stream);
  for (const stream of [bulk!, ...small]) stream.answer(Ok);
  await quiet();
  let flowing = true;
  const flow = (async () => {
    for (; flowing; await settle()) await send(bulk!, new Uint8Array(524_000));
  })();
  await quiet();
  for (let round = 0; round < 5; round++) {
    const from = peer.heard.length;
    await Promise.all(small.map((stream) => send(stream, new Uint8Array(100))));
    await quiet();
    const heard = peer.heard.splice(0).slice(from);
    const last = heard.findLastIndex((frame) => frame.type === FrameType.Data && frame.stream !== 1);
    let before = 0;
    for (const frame of heard.slice(0, last)) {
      if (frame.type === FrameType.Data && frame.stream === 1) before += frame.bytes.length;
    }
    assert(heard.filter((frame) => frame.type === FrameType.Data && frame.stream !== 1).length === 20);
    // Bytes in the channels already, and the flow's turns in the same write.
    assert(before < 1_100_000, `${before} bytes of the bulk flow came first`);
  }
  flowing = false;
  await flow;
  await finish();
});

Deno.test("a bulk flow is noticed while it lasts, on both sides, and small traffic is none", async () => {
  const { up, down, clock, finish } = await bothSides();
  const stream = open(up);
  await quiet();
  down.receivers[0]!.stream.answer(Ok);
  for (let count = 0; count < 40; count++) {
    await send(stream, new Uint8Array(50_000));
    await clock.advance(100);
  }
  assertEquals([up.streams.filled, down.streams.filled], [false, false]);
  for (let count = 0; count < 40; count++) await send(stream, new Uint8Array(50_000));
  await quiet();
  assertEquals([up.streams.filled, down.streams.filled], [true, true]);
  await clock.advance(1000);
  assertEquals([up.streams.filled, down.streams.filled], [false, false]);
  await finish();
});
