/** Frames over an association: those handled internally, and unexpected ones. */
import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import { initiate } from "../../src/association/initiate.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { type Frame, FRAME_HEAD_LENGTH, FrameType, ResultCode } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { FrameEncoder } from "../../src/wire/frame_encoder.ts";
import { Frames } from "../../src/session/frames.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { Accepting, associatedPair, channelAddresses } from "../support/handlers/pair.ts";
import { concat } from "../../src/wire/concat.ts";
import { Random } from "../support/random/random.ts";
import { due, finishPair, sessionPair } from "../support/handlers/session_pair.ts";

const OPEN = { destination: { kind: "port", port: 80 } } as const;

/** A server's frames, and a hand-written client. */
async function byHand(network = new MemoryNetwork()) {
  const pair = await associatedPair(2, network);
  const encoder = new FrameEncoder(new Random(1).fill);
  const writer = pair.client.writable.getWriter();
  const key = encoder.key();
  const answers: Frame[] = [];
  const decoder = new FrameDecoder();
  const reading = (async () => {
    for await (const chunk of pair.client.readable) {
      decoder.push(chunk);
      for (let frame = decoder.next(); frame !== null; frame = decoder.next()) answers.push(frame);
    }
  })().catch(() => {});
  const frames = new Frames(pair.server);
  const say = (...pieces: Uint8Array[]) => writer.write(concat(pieces));
  const finish = async () => {
    pair.client.end();
    pair.server.end();
    await reading;
    await settle();
    assertEquals(pair.network.openEnds, 0);
  };
  return { ...pair, encoder, key, say, frames, answers, finish };
}

Deno.test("KEY is sent once, before the first frame, and nothing is sent before that", async () => {
  const { encoder, key, say, frames, answers, finish } = await byHand();
  await say(key, encoder.ping(Uint8Array.of(1)), encoder.open(OPEN), encoder.ping(Uint8Array.of(2)));
  await due(frames, FrameType.Open);
  const receiving = frames.receive().catch(() => null);
  await settle();
  assertEquals(answers, [], "a server says nothing before it answers an OPEN");
  await frames.send((encoder) => encoder.result(ResultCode.Ok));
  await frames.send((encoder) => encoder.end());
  await settle();
  assertEquals(answers.map(({ type }) => type), [FrameType.Key, FrameType.Result, FrameType.End]);
  await finish();
  await receiving;
});

Deno.test("a PING is answered with its payload, and neither PING nor PONG is received as a frame", async () => {
  const { encoder, key, say, frames, answers, finish } = await byHand();
  await say(key, encoder.open(OPEN));
  await due(frames, FrameType.Open);
  await frames.send((encoder) => encoder.result(ResultCode.Ok));
  const receiving = frames.receive();
  for (let length = 0; length <= 8; length++) {
    await say(encoder.ping(new Uint8Array(length).fill(length)));
    await settle();
  }
  await say(encoder.pong(new Uint8Array(3)), encoder.end());
  assertEquals((await receiving)?.type, FrameType.End);
  const pongs = answers.slice(2);
  assertEquals(
    pongs,
    Array.from({ length: 9 }, (_, length) => ({ type: FrameType.Pong, payload: new Uint8Array(length).fill(length) })),
  );
  await finish();
});

Deno.test("answers to a flood of PINGs are not stored if the other side does not read them", async () => {
  const network = new MemoryNetwork({ capacity: 2000 });
  const pair = await associatedPair(2, network);
  const encoder = new FrameEncoder(new Random(1).fill);
  const frames = new Frames(pair.server);
  const writer = pair.client.writable.getWriter();
  await writer.write(concat([encoder.key(), encoder.open(OPEN)]));
  await due(frames, FrameType.Open);
  await frames.send((encoder) => encoder.result(ResultCode.Ok));
  const receiving = frames.receive();
  for (let i = 0; i < 100; i++) {
    await writer.write(concat(Array.from({ length: 200 }, () => encoder.ping(new Uint8Array(8)))));
  }
  await writer.write(encoder.end());
  assertEquals((await receiving)?.type, FrameType.End);
  // Of 20,000 PINGs, those answered fit into the sockets and little more.
  let came = 0;
  const reading = (async () => {
    for await (const chunk of pair.client.readable) came += chunk.length;
  })();
  await settle();
  assert(came < 10_000, `${came} bytes of answers`);
  await pair.server.writable.close().catch(() => {});
  pair.server.end();
  await reading;
  pair.client.end();
  await settle();
  assertEquals(network.openEnds, 0);
});

Deno.test("a peeked frame is received once, and peeking disturbs nothing", async () => {
  const pair = await sessionPair();
  const watching = [pair.serverFrames.peek(), pair.serverFrames.peek()];
  await pair.clientFrames.send((encoder) => encoder.open(OPEN));
  await pair.clientFrames.send((encoder) => encoder.end());
  for (const peeked of watching) assertEquals((await peeked)?.type, FrameType.Open);
  await due(pair.serverFrames, FrameType.Open);
  assertEquals((await pair.serverFrames.peek())?.type, FrameType.End);
  await due(pair.serverFrames, FrameType.End);
  await finishPair(pair);
});

Deno.test("BYE is received as a frame, and recorded", async () => {
  const pair = await sessionPair();
  await pair.clientFrames.send((encoder) => encoder.bye());
  await pair.clientFrames.send((encoder) => encoder.end());
  assertEquals(pair.serverFrames.leaving, false);
  await due(pair.serverFrames, FrameType.Bye);
  await due(pair.serverFrames, FrameType.End);
  assertEquals([pair.serverFrames.leaving, pair.clientFrames.leaving], [true, false]);
  await finishPair(pair);
});

Deno.test("bytes that are not frames are an error at every call, always as a rejection", async () => {
  const { encoder, key, say, frames, finish } = await byHand();
  await say(key, encoder.open(OPEN), new Uint8Array(FRAME_HEAD_LENGTH).fill(99, 0, 1), encoder.end());
  await due(frames, FrameType.Open);
  const receiving = frames.receive();
  assertInstanceOf(receiving, Promise);
  await assertRejects(() => receiving, WireError, "unknown type 99");
  await assertRejects(() => frames.receive(), WireError, "unknown type 99");
  await assertRejects(() => frames.peek(), WireError, "unknown type 99");
  await finish();
});

Deno.test("the end of a channel is received as null, after all complete frames", async () => {
  const pair = await sessionPair();
  await pair.clientFrames.send((encoder) => encoder.open(OPEN));
  pair.client.end();
  await due(pair.serverFrames, FrameType.Open);
  assertEquals(await pair.serverFrames.receive(), null);
  assertMatch(pair.server.failure!.message, /^channel [123] \(192\.0\.2\.[123]:6522\): closed by the other side$/);
  await finishPair(pair);
});

Deno.test("a frame that is not DATA has left when send() settles", async () => {
  for (const capacity of [1, 50, 65536]) {
    const pair = await sessionPair(4, new MemoryNetwork({ capacity }));
    const receiving = due(pair.serverFrames, FrameType.Open).then(() => due(pair.serverFrames, FrameType.Data));
    await pair.clientFrames.send((encoder) => encoder.open(OPEN));
    await pair.clientFrames.sendData(new Uint8Array(FRAME_HEAD_LENGTH + 1));
    await receiving;
    const last = due(pair.serverFrames, FrameType.Reset);
    await pair.clientFrames.send((encoder) => encoder.reset(1));
    pair.client.end();
    await last;
    await finishPair(pair);
  }
});

Deno.test("a frame passed to sendSoon() leaves in one write with the next, DATA or another", async () => {
  const { clock, clientFrames: frames, serverFrames, ...pair } = await sessionPair(2);
  frames.sendSoon((encoder) => encoder.open(OPEN), clock);
  await frames.sendData(dataFrame(5));
  await due(serverFrames, FrameType.Open);
  assert(serverFrames.more, "DATA has come with the OPEN");
  assertEquals((await due(serverFrames, FrameType.Data)).bytes.length, 5);
  frames.sendSoon((encoder) => encoder.bye(), clock);
  await frames.send((encoder) => encoder.end());
  await due(serverFrames, FrameType.Bye);
  assert(serverFrames.more, "END has come with BYE");
  await due(serverFrames, FrameType.End);
  assertEquals([serverFrames.more, clock.pending, frames.sent], [false, 0, 2]);
  await finishPair({ ...pair, clock, clientFrames: frames, serverFrames });
});

Deno.test("a frame passed to sendSoon() leaves alone if none follows", async () => {
  const pair = await sessionPair(2);
  pair.clientFrames.sendSoon((encoder) => encoder.open(OPEN), pair.clock);
  assertEquals(pair.clientFrames.sent, 0);
  await settle();
  assertEquals(pair.clientFrames.sent, 1);
  await due(pair.serverFrames, FrameType.Open);
  assert(!pair.serverFrames.more);
  await finishPair(pair);
});

Deno.test("a frame passed to sendSoon() is dropped if the association has ended", async () => {
  const pair = await sessionPair(2);
  pair.clientFrames.sendSoon((encoder) => encoder.open(OPEN), pair.clock);
  pair.client.end();
  await settle();
  assertEquals(await pair.serverFrames.receive(), null);
  await finishPair(pair);
});

Deno.test("the association ends if a frame passed to sendSoon() can't be split", async () => {
  const network = new MemoryNetwork(), clock = new FakeClock();
  const accepting = new Accepting(network, channelAddresses(2), { clock });
  const pads = () => {
    throw new Error("no pads today");
  };
  const client = await initiate(channelAddresses(2), { network, clock, pads });
  const server = await accepting.first();
  await accepting.close();
  new Frames(client).sendSoon((encoder) => encoder.open(OPEN), clock);
  await settle();
  assert(client.ended);
  assertMatch(String(client.fault), /no pads today/);
  server.end();
  await settle();
  assertEquals([network.openEnds, clock.pending], [0, 0]);
});

Deno.test("END leaves together with the last DATA", async () => {
  const pair = await sessionPair(3);
  await pair.clientFrames.send((encoder) => encoder.open(OPEN));
  const frames = new Uint8Array(2 * FRAME_HEAD_LENGTH + 300);
  frames.fill(9, FRAME_HEAD_LENGTH, FRAME_HEAD_LENGTH + 300);
  await pair.clientFrames.sendLastData(frames);
  await due(pair.serverFrames, FrameType.Open);
  assertEquals((await due(pair.serverFrames, FrameType.Data)).bytes, new Uint8Array(300).fill(9));
  assert(pair.serverFrames.more);
  await due(pair.serverFrames, FrameType.End);
  await finishPair(pair);
});

/** A DATA frame's body, with room for its head. */
function dataFrame(length: number): Uint8Array {
  return new Uint8Array(FRAME_HEAD_LENGTH + length);
}
