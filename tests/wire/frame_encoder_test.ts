import { assertEquals, assertThrows } from "@std/assert";
import { FRAME_HEAD_LENGTH, FrameType, MAX_DATA, ResultCode } from "../../src/wire/frame.ts";
import { encode, writeFrameHead } from "../../src/wire/frame_encoder.ts";
import { encodeOpen } from "../../src/wire/open.ts";
import { fc } from "../support/random/property.ts";
import { everyFrame, framesSent, LONGEST_OPEN, MAX_STREAM, receive, streamNumbers } from "../support/wire/frames.ts";
import { frameSlowly } from "../support/wire/reference.ts";

Deno.test("every frame is its type, its stream in four bytes, its body's length in two, and the body", () => {
  const text = new TextEncoder().encode("connection refused"), id = Array.from({ length: 16 }, (_, at) => at);
  const counted = (length: number) => Array.from({ length }, (_, at) => at + 1);
  const payload = [1, 2, 3, 4, 5, 6, 7, 8], most = MAX_STREAM, all = [255, 255, 255, 255];
  const expected = [
    frameSlowly(9, 0, [2, ...id]),
    frameSlowly(1, 1, [1, 0, 22, 0]),
    frameSlowly(3, 1, payload),
    frameSlowly(2, 1, [0]),
    frameSlowly(11, 0, [0, 0, 0, 1]),
    frameSlowly(6, 0, payload),
    frameSlowly(10, 1, [0, 0, 0, 1]),
    frameSlowly(12, 1),
    frameSlowly(4, 1),
    frameSlowly(1, most, encodeOpen(LONGEST_OPEN)),
    frameSlowly(2, most, [1, ...text]),
    frameSlowly(7, 0),
    frameSlowly(3, most, [1]),
    frameSlowly(10, most, [127, 255, 255, 255]),
    frameSlowly(5, most, [3]),
    frameSlowly(11, 0, all),
    frameSlowly(8, 0, [0, 0, 0, 0]),
    frameSlowly(8, 0, all),
    frameSlowly(4, most),
    frameSlowly(13, 0, [...payload, ...counted(32)]),
    frameSlowly(14, 0, [...counted(32), ...counted(64)]),
    frameSlowly(15, 0, [...counted(32), ...counted(32), ...payload]),
    frameSlowly(16, 0, [...new TextEncoder().encode("alice")]),
    frameSlowly(17, 0, [5]),
    frameSlowly(18, 0),
    frameSlowly(18, 0, Array(300).fill(0)),
    frameSlowly(19, 0, [0, 31, 255, 255, 255, 255, 255, 255]),
    frameSlowly(20, 0, [15, ...counted(16), ...counted(272).map((byte) => byte & 255)]),
    frameSlowly(21, 0, [...counted(16), ...payload, ...payload]),
    frameSlowly(21, 0, [...counted(16), ...Array(16).fill(payload).flat()]),
    frameSlowly(1, 2, [5, 0, 53, 255, 255, 0]),
  ];
  assertEquals(everyFrame().map(({ bytes }) => bytes.toHex()), expected.map((bytes) => bytes.toHex()));
  assertEquals(new Set(everyFrame().map(({ frame }) => frame.type)).size, 21);
});

Deno.test("a head of any type, stream and length is written where it is to be, and nothing around it", () => {
  const lengths = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: MAX_DATA }));
  fc.assert(fc.property(fc.integer({ min: 1, max: 21 }), streamNumbers(), lengths, fc.nat(20), (...head) => {
    const [type, stream, length, at] = head, into = new Uint8Array(40).fill(9);
    writeFrameHead(into, at, type, stream, length);
    const expected = new Uint8Array(40).fill(9);
    expected.set(frameSlowly(type, stream, [], length), at);
    assertEquals(into, expected);
  }));
  const longest = new Uint8Array(FRAME_HEAD_LENGTH);
  writeFrameHead(longest, 0, FrameType.Data, 0x01020304, MAX_DATA);
  assertEquals(longest.toHex(), "03" + "01020304" + "fff9");
});

Deno.test("frames of any content decode to what was encoded, several in one record", () => {
  fc.assert(
    fc.property(fc.array(framesSent(), { maxLength: 4 }), (records) => {
      const bodies = records.map((frames) => Uint8Array.from(frames.flatMap(({ bytes }) => [...bytes])));
      const { frames, error } = receive(bodies);
      assertEquals([frames, error], [records.flat().map(({ frame }) => frame), undefined]);
    }),
    { numRuns: 400 },
  );
});

Deno.test("a RESULT's text is truncated to 200 bytes, between two characters", () => {
  for (const [character, fits] of [["a", 200], ["é", 100], ["€", 66], ["😀", 50]] as const) {
    for (const count of [0, 1, fits - 1, fits, fits + 1, 1000]) {
      const { frames } = receive([encode.result(1, ResultCode.Unreachable, character.repeat(count))]);
      const text = character.repeat(Math.min(count, fits));
      assertEquals(frames, [{ type: FrameType.Result, stream: 1, code: ResultCode.Unreachable, text }]);
    }
  }
  assertEquals(encode.result(1, ResultCode.Ok, "a".repeat(300)).length, 7 + 1 + 200);
});

Deno.test("PING and PONG carry the first 8 bytes of their payload", () => {
  assertEquals(encode.ping().toHex(), "06000000000000");
  assertEquals(encode.ping(Uint8Array.fromHex("0102030405060708")).toHex(), "060000000000080102030405060708");
  assertEquals(encode.pong(Uint8Array.fromHex("010203040506070809")).toHex(), "070000000000080102030405060708");
});

Deno.test("a destination or a number of workers that can't be encoded is refused", () => {
  assertThrows(() => encode.open(1, { destination: { kind: "name", port: 1, host: "" } }), RangeError, "host name");
  assertThrows(() => encode.workers({ count: 65, id: new Uint8Array(16) }), RangeError, "65 workers");
});

Deno.test("returned frames are the caller's: they don't change, nor does a change to them reach others", () => {
  const before = everyFrame(), payload = Uint8Array.of(1, 2, 3), ping = encode.ping(payload);
  payload.fill(0xee);
  assertEquals(ping.toHex(), "06000000000003010203");
  for (const { bytes } of everyFrame()) bytes.fill(0xee);
  const after = everyFrame();
  assertEquals(after.map(({ bytes }) => bytes.toHex()), before.map(({ bytes }) => bytes.toHex()));
});
