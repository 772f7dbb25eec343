/** Frames of records' bodies: every frame as it was sent, and every violation of form refused. */
import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { concat } from "../../src/wire/concat.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { type Frame, frameName, FrameType } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { encodeOpen } from "../../src/wire/open.ts";
import { bytes, fc } from "../support/random/property.ts";
import { Random } from "../support/random/random.ts";
import {
  assertSameBytes,
  bytesOf,
  dataFrame,
  everyFrame,
  framesSent,
  LONGEST_OPEN,
  MAX_STREAM,
  receive,
  sent,
} from "../support/wire/frames.ts";
import { frameSlowly, toBytes } from "../support/wire/reference.ts";

/** Each type's limits on its body's length, and true if it is a frame of a stream. */
const FORMS: readonly (readonly [FrameType, least: number, most: number, ofStream: boolean])[] = [
  [FrameType.Open, 4, 276, true],
  [FrameType.Result, 1, 201, true],
  [FrameType.Data, 1, 65_529, true],
  [FrameType.End, 0, 0, true],
  [FrameType.Reset, 1, 1, true],
  [FrameType.Ping, 0, 8, false],
  [FrameType.Pong, 0, 8, false],
  [FrameType.Bye, 4, 4, false],
  [FrameType.Workers, 17, 17, false],
  [FrameType.Credit, 4, 4, true],
  [FrameType.Streams, 4, 4, false],
  [FrameType.Blocked, 0, 0, true],
  [FrameType.Hello, 40, 40, false],
  [FrameType.Auth, 96, 96, false],
  [FrameType.Enroll, 72, 72, false],
  [FrameType.Enrolled, 1, 63, false],
  [FrameType.Denied, 1, 1, false],
  [FrameType.Pad, 0, 65_529, false],
];

const first = everyFrame()[0]!;

/** Decodes one frame, of stream 1 if its type has streams, and behind a good one. */
function taken(type: FrameType, body: Iterable<number>): Frame {
  const [, , , ofStream] = FORMS[type - 1]!;
  const { frames, error } = receive([concat([first.bytes, frameSlowly(type, ofStream ? 1 : 0, body)])]);
  if (error !== undefined) throw error;
  assertEquals([frames.length, frames[0]], [2, first.frame]);
  return frames[1]!;
}

/** Asserts that a good frame in front of some bytes is given, and the bytes are refused. */
function assertRefused(refused: Uint8Array, why: string): void {
  const { frames, error } = receive([concat([first.bytes, refused])]);
  assertEquals(frames, [first.frame]);
  assertInstanceOf(error, WireError);
  assertEquals(error.message, why);
}

Deno.test("frames of every type are decoded as they were encoded, together in a record and each in its own", () => {
  const frames = everyFrame();
  const expected = { frames: frames.map(({ frame }) => frame), error: undefined };
  assertEquals(receive([bytesOf(frames)]), expected);
  assertEquals(receive(frames.map(({ bytes }) => bytes)), expected);
});

Deno.test("the longest frames decode, each alone in a record: OPEN, RESULT, DATA", () => {
  const data = new Random(1).bytes(65_529), text = "x".repeat(200);
  const longest = [sent.open(7, LONGEST_OPEN), sent.result(7, 1, text), sent.data(7, data)];
  assertEquals(longest.map(({ bytes }) => bytes.length), [7 + 276, 7 + 201, 65_536]);
  assertEquals(receive(longest.map(({ bytes }) => bytes)).frames, longest.map(({ frame }) => frame));
});

Deno.test("a body's length is checked against its type's limits, before the rest of the record is looked at", () => {
  for (const [type, least, most, ofStream] of FORMS) {
    const stream = ofStream ? 1 : 0, name = frameName(type);
    for (const length of [least, Math.ceil((least + most) / 2), most]) {
      // The length is right, and the body is not there.
      if (length > 0) assertRefused(frameSlowly(type, stream, [], length), `a record ends within ${name}`);
      else assertEquals(taken(type, []).type, type);
    }
    for (const length of [least - 1, most + 1, 0, 0x1000 + least, 65_530, 65_535]) {
      if (length < 0 || length >= least && length <= most) continue;
      assertRefused(frameSlowly(type, stream, [], length), `${name} of ${length} bytes`);
      assertRefused(frameSlowly(type, stream, new Uint8Array(length)), `${name} of ${length} bytes`);
    }
  }
});

Deno.test("a frame of a stream has one, and one of the association has none", () => {
  for (const [type, least, , ofStream] of FORMS) {
    for (const stream of [0, 1, 255, 256, 65_536, 2 ** 24, 2 ** 31, MAX_STREAM]) {
      if (ofStream === stream > 0) continue;
      const why = ofStream ? `${frameName(type)} without a stream` : `${frameName(type)} on a stream`;
      assertRefused(frameSlowly(type, stream, new Uint8Array(least)), why);
    }
  }
});

Deno.test("a frame of an unknown type is refused, with a stream and without, whatever its length", () => {
  for (const type of [0, ...Array.from({ length: 234 }, (_, index) => 22 + index)]) {
    for (const stream of [0, 1]) {
      for (const length of [0, 4, 65_535]) {
        assertRefused(frameSlowly(type, stream, [], length), `a frame of unknown type ${type}`);
      }
    }
  }
});

Deno.test("a record that ends within a frame is refused at every place, and what comes before is given", () => {
  fc.assert(
    fc.property(framesSent(5), (frames) => {
      const body = bytesOf(frames), ends = new Map([[0, 0]]);
      let end = 0;
      frames.forEach(({ bytes }, index) => ends.set(end += bytes.length, index + 1));
      let whole = 0;
      for (let length = 1; length <= body.length; length++) {
        whole = ends.get(length) ?? whole;
        const { frames: given, error } = receive([body.subarray(0, length)]);
        assertEquals(given, frames.slice(0, whole).map(({ frame }) => frame));
        if (ends.has(length)) assertEquals(error, undefined);
        else assert(error instanceof WireError && error.message.startsWith("a record ends within"), `${error}`);
      }
    }),
    { numRuns: 50 },
  );
});

Deno.test("a frame's rest in the next record is a frame of its own: none continues there", () => {
  const frame = dataFrame(1, new Random(2).bytes(20));
  for (const at of [1, 6, 7, 8, 26]) {
    const { frames, error } = receive([frame.subarray(0, at), frame.subarray(at)]);
    assertEquals(frames, []);
    assertInstanceOf(error, WireError);
  }
});

Deno.test("RESULT with code 0 to 5 and RESET with code 1 to 4 are accepted; other codes are refused", () => {
  for (let code = 0; code < 256; code++) {
    const result = (): Frame => taken(FrameType.Result, [code, 104, 105]);
    if (code <= 5) assertEquals(result(), { type: FrameType.Result, stream: 1, code, text: "hi" });
    else assertThrows(result, WireError, `RESULT with unknown code ${code}`);
    const reset = (): Frame => taken(FrameType.Reset, [code]);
    if (code >= 1 && code <= 4) assertEquals(reset(), { type: FrameType.Reset, stream: 1, code });
    else assertThrows(reset, WireError, `RESET with unknown code ${code}`);
  }
});

Deno.test("CREDIT has 1 to 2^31-1, STREAMS at least 1, BYE any number", () => {
  const credit = (value: number): Frame => taken(FrameType.Credit, toBytes(value, 4));
  const streams = (value: number): Frame => taken(FrameType.Streams, toBytes(value, 4));
  const bye = (value: number): Frame => taken(FrameType.Bye, toBytes(value, 4));
  for (const value of [1, 255, 256, 65_536, 2 ** 24, 2 ** 31 - 1]) {
    assertEquals(credit(value), { type: FrameType.Credit, stream: 1, increment: value });
  }
  for (const value of [0, 2 ** 31, MAX_STREAM]) assertThrows(() => credit(value), WireError, `CREDIT of ${value}`);
  for (const value of [0, 1, 128, 2 ** 31 - 1, 2 ** 31, MAX_STREAM]) {
    assertEquals(bye(value), { type: FrameType.Bye, last: value });
    if (value > 0) assertEquals(streams(value), { type: FrameType.Streams, limit: value });
  }
  assertThrows(() => streams(0), WireError, "STREAMS of 0");
});

Deno.test("WORKERS has a count of 2 to 64; others are refused", () => {
  const id = new Random(4).bytes(16);
  for (let count = 0; count < 256; count++) {
    const workers = (): Frame => taken(FrameType.Workers, [count, ...id]);
    if (count >= 2 && count <= 64) assertEquals(workers(), { type: FrameType.Workers, workers: { count, id } });
    else assertThrows(workers, WireError, `WORKERS has count ${count}`);
  }
});

Deno.test("DENIED has a code of 1 to 5, and ENROLLED a name of letters, digits, dots and dashes", () => {
  for (const code of [0, 6, 255]) assertThrows(() => taken(FrameType.Denied, [code]), WireError, "unknown code");
  const name = (text: string): Frame => taken(FrameType.Enrolled, new TextEncoder().encode(text));
  for (const text of ["a", "alice.example-1", "a".repeat(63)]) {
    assertEquals(name(text), { type: FrameType.Enrolled, client: text });
  }
  for (const text of [".a", "-a", "a b", "ä", "a\n"]) assertThrows(() => name(text), WireError, "invalid name");
});

Deno.test("OPEN with trailing bytes, or of an unknown kind, is refused", () => {
  const body = encodeOpen({ destination: { kind: "port", port: 80 } });
  assertEquals(taken(FrameType.Open, body).type, FrameType.Open);
  assertThrows(() => taken(FrameType.Open, concat([body, Uint8Array.of(0)])), WireError, "trailing bytes");
  assertThrows(() => taken(FrameType.Open, body.with(0, 6)), WireError, "unknown kind");
});

Deno.test("bytes of a RESULT's text that are not UTF-8 are replaced, and no violation", () => {
  const text = (...bytes: number[]): string => (taken(FrameType.Result, [1, ...bytes]) as { text: string }).text;
  assertEquals(text(97, 255, 98), "a\ufffdb");
  assertEquals(text(0xe2, 0x82), "\ufffd");
  fc.assert(fc.property(bytes(0, 200), (bytes) => {
    assertEquals(text(...bytes), new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
  }));
  assertEquals(text(0xef, 0xbb, 0xbf, 97), "\ufeffa");
});

Deno.test("DATA is a view of the record's body, at its place", () => {
  const body = concat([encode.ping(), dataFrame(1, Uint8Array.of(1, 2, 3)), dataFrame(2, Uint8Array.of(4, 5))]);
  // As records lie in a larger buffer.
  const buffer = concat([new Uint8Array(35), body, new Uint8Array(9)]),
    decoder = new FrameDecoder(buffer.subarray(35, 65));
  decoder.next();
  for (const [at, length] of [[49, 3], [59, 2]] as const) {
    const frame = decoder.next();
    assert(frame?.type === FrameType.Data);
    assertStrictEquals(frame.bytes.buffer, buffer.buffer);
    assertEquals([frame.bytes.byteOffset, frame.bytes.length], [at, length]);
  }
});

Deno.test("the body is only read, and other frames than DATA stay as they are when it changes", () => {
  const frames = everyFrame().filter(({ frame }) => frame.type !== FrameType.Data);
  const body = bytesOf(frames), decoder = new FrameDecoder(body), given: (Frame | null)[] = [];
  for (const _ of frames) given.push(decoder.next());
  assertEquals(body.toHex(), bytesOf(frames).toHex());
  body.fill(0xee);
  assertEquals(given, frames.map(({ frame }) => frame));
  assertEquals([decoder.next(), decoder.next()], [null, null]);
});

Deno.test("any bytes are either refused with a WireError or whole frames that encode to them again", () => {
  let whole = 0;
  const changed = fc.record({ frames: framesSent(4), at: fc.nat(), byte: fc.oneof(fc.nat(13), fc.nat(255)) })
    .map(({ frames, at, byte }) => {
      const body = bytesOf(frames);
      return body.with(at % body.length, byte);
    });
  fc.assert(
    fc.property(fc.oneof(changed, bytes(1, 40)), (body) => {
      const { frames, error } = receive([body]);
      assertSameBytes(frames, body);
      if (error !== undefined) return assertInstanceOf(error, WireError);
      whole++;
    }),
    { numRuns: 3000 },
  );
  assert(whole > 300, `only ${whole} of them decode`);
});
