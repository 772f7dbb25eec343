import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Frame, FrameType, ResetCode, ResultCode } from "../../src/wire/frame.ts";
import { FrameEncoder } from "../../src/wire/frame_encoder.ts";
import type { Open } from "../../src/wire/open.ts";
import { bytesOf, dataFrame, everyFrame, receive } from "../support/wire/frames.ts";
import { concat } from "../../src/wire/concat.ts";
import { forSeeds, Random } from "../support/random/random.ts";
import { headOf } from "../support/wire/reference.ts";

/** An encoder that has sent KEY, and the KEY. */
function started(): [FrameEncoder, Uint8Array] {
  const encoder = new FrameEncoder(new Random(1).fill);
  return [encoder, encoder.key()];
}

Deno.test("a frame is its type, its body's length in three bytes, a mask, a tag, and that much body", () => {
  for (const { bytes, frame } of everyFrame(new Random(2).fill)) {
    assertEquals(bytes[0], frame.type);
    assertEquals(bytes[1]! * 65536 + bytes[2]! * 256 + bytes[3]!, bytes.length - 36);
  }
});

Deno.test("a direction's heads agree with arithmetic on big integers, each under the mask before", () => {
  const frames = everyFrame(new Random(2).fill).map(({ bytes }) => bytes);
  const key = frames[0]!.slice(4, 20);
  let mask = frames[0]!.slice(20, 36);
  frames.forEach((bytes, number) => {
    if (number === 0) return;
    const type = bytes[0]!, body = bytes.slice(36), nextMask = bytes.slice(4, 20);
    const covered = type === FrameType.Data ? new Uint8Array(0) : body;
    assertEquals(bytes.slice(0, 36), headOf({ key, mask, type, length: body.length, number, nextMask, covered }));
    mask = nextMask;
  });
});

Deno.test("every frame has a fresh mask of its own", () => {
  const masks = everyFrame(new Random(2).fill).map(({ bytes }) => bytes.slice(4, 20).toHex());
  assertEquals(new Set(masks).size, 14);
  const encoder = new FrameEncoder(new Random(3).fill), random = new Random(3), key = encoder.key();
  assertEquals(key.slice(4), random.bytes(32));
  for (const bytes of [encoder.end(), dataFrame(encoder, Uint8Array.of(1)), encoder.ping(new Uint8Array(0))]) {
    assertEquals(bytes.slice(4, 20), random.bytes(16));
  }
});

Deno.test("every type of frame has its number", () => {
  const numbers = { Key: 0, Open: 1, Result: 2, Data: 3, End: 4, Reset: 5, Ping: 6, Pong: 7, Bye: 8, Workers: 9 };
  for (const [name, number] of Object.entries(numbers)) assertEquals(FrameType[number], name);
  assertEquals(new Set(everyFrame(new Random(2).fill).map(({ frame }) => frame.type)).size, 10);
});

Deno.test("KEY carries the key and first mask exactly as drawn", () => {
  const encoder = new FrameEncoder(new Random(4).fill);
  assertEquals(encoder.started, false);
  assertEquals(encoder.key().toHex(), "00000000" + new Random(4).bytes(32).toHex());
  assertEquals(encoder.started, true);
});

Deno.test("if drawing KEY fails, nothing has started", () => {
  const encoder = new FrameEncoder(() => {
    throw new Error("no randomness");
  });
  assertThrows(() => encoder.key(), Error, "no randomness");
  assertEquals(encoder.started, false);
});

Deno.test("nothing can be encoded before KEY, and KEY only once", () => {
  const frames: readonly ((encoder: FrameEncoder) => unknown)[] = [
    (encoder) => encoder.open({ destination: { kind: "port", port: 1 } }),
    (encoder) => encoder.result(ResultCode.Ok),
    (encoder) => encoder.dataHead(new Uint8Array(36), 1),
    (encoder) => encoder.end(),
    (encoder) => encoder.reset(ResetCode.Limit),
    (encoder) => encoder.ping(new Uint8Array(0)),
    (encoder) => encoder.pong(new Uint8Array(0)),
    (encoder) => encoder.bye(),
    (encoder) => encoder.workers({ count: 2, id: new Uint8Array(16) }),
  ];
  for (const encode of frames) {
    assertThrows(() => encode(new FrameEncoder(new Random(1).fill)), TypeError, "a frame before KEY");
  }
  assertThrows(() => started()[0].key(), TypeError, "a second KEY");
});

Deno.test("a DATA frame has 1 to 524,288 bytes, and its head says so", () => {
  const [encoder] = started(), into = new Uint8Array(38).fill(9);
  for (const [length, head] of [[1, "03000001"], [65_536, "03010000"], [524_288, "03080000"]] as const) {
    encoder.dataHead(into, length);
    assertEquals([into.slice(0, 4).toHex(), into.slice(36).toHex()], [head, "0909"]);
  }
  for (const length of [0, -1, 524_289]) assertThrows(() => encoder.dataHead(into, length), RangeError, `${length}`);
});

Deno.test("neither a refused DATA head nor an OPEN that can't be encoded is counted", () => {
  const [encoder, key] = started();
  assertThrows(() => encoder.dataHead(new Uint8Array(36), 524_289), RangeError);
  assertThrows(() => encoder.open({ destination: { kind: "name", port: 1, host: "" } }), RangeError);
  assertEquals(receive([key, encoder.end()]).frames.at(-1), { type: FrameType.End });
});

Deno.test("a RESULT's text is truncated to 200 bytes, between two characters", () => {
  const [encoder, key] = started();
  for (const [character, fits] of [["a", 200], ["é", 100], ["€", 66], ["😀", 50]] as const) {
    for (const count of [0, 1, fits - 1, fits, fits + 1, 1000]) {
      const [own, ownKey] = started();
      const { frames } = receive([ownKey, own.result(ResultCode.Unreachable, character.repeat(count))]);
      const text = character.repeat(Math.min(count, fits));
      assertEquals(frames[1], { type: FrameType.Result, code: ResultCode.Unreachable, text });
    }
  }
  assertEquals(encoder.result(ResultCode.Ok, "a".repeat(300)).length, 36 + 1 + 200);
  assertEquals(key.length, 36);
});

Deno.test("PING and PONG carry the first 8 bytes of their payload", () => {
  const [encoder] = started();
  const outside = (bytes: Uint8Array): string => bytes.slice(0, 4).toHex() + bytes.slice(36).toHex();
  assertEquals(outside(encoder.ping(new Uint8Array(0))), "06000000");
  assertEquals(outside(encoder.ping(Uint8Array.fromHex("0102030405060708"))), "060000080102030405060708");
  assertEquals(outside(encoder.pong(Uint8Array.fromHex("010203040506070809"))), "070000080102030405060708");
});

Deno.test("returned frames stay unchanged while the encoder goes on", () => {
  const random = new Random(5), sent = everyFrame(random.fill), copy = everyFrame(new Random(5).fill);
  assertEquals(bytesOf(sent), bytesOf(copy));
  const [encoder] = started(), end = encoder.end(), before = end.slice();
  encoder.end();
  assertEquals(end, before);
});

Deno.test("random sequences of frames decode to what was encoded", async () => {
  await forSeeds(60, (random) => {
    const encoder = new FrameEncoder(random.fill), bytes = [encoder.key()];
    const expected: Frame[] = [{ type: FrameType.Key }];
    for (let i = 0; i < 30; i++) {
      const body = random.bytes(random.between(1, 400)), payload = body.slice(0, 8);
      const code = random.between(1, 4), text = "x".repeat(random.below(201));
      const open: Open = { destination: { kind: "port", port: random.below(65536) } };
      const [next, frame] = random.pick<() => [Uint8Array, Frame]>([
        () => [dataFrame(encoder, body), { type: FrameType.Data, bytes: body }],
        () => [encoder.ping(body), { type: FrameType.Ping, payload }],
        () => [encoder.pong(body), { type: FrameType.Pong, payload }],
        () => [encoder.end(), { type: FrameType.End }],
        () => [encoder.bye(), { type: FrameType.Bye }],
        () => [encoder.reset(code), { type: FrameType.Reset, code }],
        () => [encoder.result(code, text), { type: FrameType.Result, code, text }],
        () => [encoder.open(open), { type: FrameType.Open, open }],
      ])();
      bytes.push(next);
      const before = expected.at(-1);
      if (frame.type !== FrameType.Data || before?.type !== FrameType.Data) expected.push(frame);
      else expected[expected.length - 1] = { type: FrameType.Data, bytes: concat([before.bytes, frame.bytes]) };
    }
    const { frames, error, atBoundary } = receive(bytes);
    assertEquals(error, undefined);
    assert(atBoundary);
    assertEquals(frames, expected);
  });
});
