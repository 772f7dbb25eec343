import { assert, assertEquals, assertThrows } from "@std/assert";
import { FrameType, ResetCode, ResultCode } from "../../src/wire/frame.ts";
import { FrameEncoder } from "../../src/wire/frame_encoder.ts";
import { bytesOf, controlOf, dataFrame, everyFrame, receive } from "../support/frames.ts";
import { forSeeds, Random } from "../support/random.ts";

/** An encoder that has sent KEY, and the KEY. */
function started(): [FrameEncoder, Uint8Array] {
  const encoder = new FrameEncoder(new Random(1).fill);
  return [encoder, encoder.key()];
}

Deno.test("a frame is its type, its length in three bytes, and that much payload", () => {
  for (const { bytes, frame } of everyFrame(new Random(2).fill)) {
    assertEquals(bytes[0], frame.type);
    assertEquals(bytes[1]! * 65536 + bytes[2]! * 256 + bytes[3]!, bytes.length - 4);
  }
});

Deno.test("every type of frame has its number", () => {
  const numbers = { Key: 0, Open: 1, Result: 2, Data: 3, End: 4, Reset: 5, Ping: 6, Pong: 7, Bye: 8 };
  for (const [name, number] of Object.entries(numbers)) assertEquals(FrameType[number], name);
  assertEquals(new Set(everyFrame(new Random(2).fill).map(({ frame }) => frame.type)).size, 9);
});

Deno.test("KEY carries the key and the first mask as they come from the source of randomness", () => {
  const encoder = new FrameEncoder(new Random(4).fill);
  assertEquals(encoder.started, false);
  assertEquals(encoder.key().toHex(), "00000020" + new Random(4).bytes(32).toHex());
  assertEquals(encoder.started, true);
});

Deno.test("a KEY that the source of randomness fails is not sent: nothing has started", () => {
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
    (encoder) => encoder.dataHead(new Uint8Array(4), 1),
    (encoder) => encoder.end(),
    (encoder) => encoder.reset(ResetCode.Limit),
    (encoder) => encoder.ping(new Uint8Array(0)),
    (encoder) => encoder.pong(new Uint8Array(0)),
    (encoder) => encoder.bye(),
  ];
  for (const encode of frames) {
    assertThrows(() => encode(new FrameEncoder(new Random(1).fill)), TypeError, "a frame before KEY");
  }
  assertThrows(() => started()[0].key(), TypeError, "a second KEY");
});

Deno.test("a DATA frame has 1 to 262,144 bytes, and its head says so", () => {
  const [encoder] = started(), into = new Uint8Array(6).fill(9);
  for (const [length, head] of [[1, "03000001"], [65_536, "03010000"], [262_144, "03040000"]] as const) {
    encoder.dataHead(into, length);
    assertEquals(into.toHex(), head + "0909");
  }
  for (const length of [0, -1, 262_145]) assertThrows(() => encoder.dataHead(into, length), RangeError, `${length}`);
});

Deno.test("a DATA head that is refused is not counted, nor an OPEN that can't be encoded", () => {
  const [encoder, key] = started();
  assertThrows(() => encoder.dataHead(new Uint8Array(4), 262_145), RangeError);
  assertThrows(() => encoder.open({ destination: { kind: "name", port: 1, host: "" } }), RangeError);
  assertEquals(receive([key, encoder.end()]).frames.at(-1), { type: FrameType.End });
});

Deno.test("a RESULT's text is cut to what fits into 200 bytes, between two characters", () => {
  const [encoder, key] = started();
  for (const [character, fits] of [["a", 200], ["é", 100], ["€", 66], ["😀", 50]] as const) {
    for (const count of [0, 1, fits - 1, fits, fits + 1, 1000]) {
      const [own, ownKey] = started();
      const { frames } = receive([ownKey, own.result(ResultCode.Unreachable, character.repeat(count))]);
      const text = character.repeat(Math.min(count, fits));
      assertEquals(frames[1], { type: FrameType.Result, code: ResultCode.Unreachable, text });
    }
  }
  assertEquals(encoder.result(ResultCode.Ok, "a".repeat(300)).length, 4 + 1 + 200 + 32);
  assertEquals(key.length, 36);
});

Deno.test("a PING or PONG carries the first 8 bytes of what it is given", () => {
  const [encoder] = started();
  assertEquals(encoder.ping(new Uint8Array(0)).toHex(), "06000000");
  assertEquals(encoder.ping(Uint8Array.fromHex("0102030405060708")).toHex(), "060000080102030405060708");
  assertEquals(encoder.pong(Uint8Array.fromHex("010203040506070809")).toHex(), "070000080102030405060708");
});

Deno.test("what an encoder returned stays as it is while it goes on", () => {
  const random = new Random(5), sent = everyFrame(random.fill), copy = everyFrame(new Random(5).fill);
  assertEquals(bytesOf(sent), bytesOf(copy));
  const [encoder] = started(), end = encoder.end(), before = end.slice();
  encoder.end();
  assertEquals(end, before);
});

Deno.test("random sequences of frames are decoded as they were encoded", async () => {
  await forSeeds(60, (random) => {
    const encoder = new FrameEncoder(random.fill), bytes = [encoder.key()];
    let dataBytes = 0;
    for (let i = 0; i < 30; i++) {
      const payload = random.bytes(random.between(1, 400));
      const next = random.pick<() => Uint8Array>([
        () => dataFrame(encoder, payload),
        () => encoder.ping(payload),
        () => encoder.end(),
        () => encoder.reset(random.between(1, 4)),
        () => encoder.result(random.between(0, 5), "x".repeat(random.below(201))),
        () => encoder.open({ destination: { kind: "port", port: random.below(65536) } }),
      ])();
      if (next[0] === FrameType.Data) dataBytes += payload.length;
      bytes.push(next);
    }
    const { frames, error, atBoundary } = receive(bytes);
    assertEquals(error, undefined);
    assert(atBoundary);
    const control = bytes.filter(([type]) => [1, 2, 4, 5, 8].includes(type!));
    assertEquals(controlOf(frames).map(({ type }) => type), control.map(([type]) => type!));
    const data = frames.map((frame) => frame.type === FrameType.Data ? frame.bytes.length : 0);
    assertEquals(data.reduce((sum, length) => sum + length, 0), dataBytes);
  });
});
