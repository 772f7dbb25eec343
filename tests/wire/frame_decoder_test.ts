import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { WireError } from "../../src/wire/decoder.ts";
import { type Frame, FRAME_HEAD_LENGTH, frameName, FrameType } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { FrameEncoder } from "../../src/wire/frame_encoder.ts";
import { encodeOpen } from "../../src/wire/open.ts";
import { Seal } from "../../src/wire/seal.ts";
import { bytesOf, dataFrame, everyFrame, LONGEST_OPEN, receive, startOf } from "../support/wire/frames.ts";
import { concat } from "../../src/wire/concat.ts";
import { Random } from "../support/random/random.ts";

const random = new Random(1).fill;

/** An encoder that has sent KEY, and a decoder that has got it. */
function pair(): [FrameEncoder, FrameDecoder] {
  const encoder = new FrameEncoder(random), decoder = new FrameDecoder();
  decoder.push(encoder.key());
  assertEquals(decoder.next(), { type: FrameType.Key });
  return [encoder, decoder];
}

/** A head whose tag is right only by chance. */
function head(type: number, length: number): Uint8Array {
  return concat([startOf(type, length), new Uint8Array(32)]);
}

/** A decoder that got KEY, and a frame with any body or length, whose tag is right. */
function sealed(type: FrameType, body: Uint8Array, length = body.length): [FrameDecoder, frame: Uint8Array] {
  const key = concat([startOf(FrameType.Key, 0), new Random(2).bytes(32)]), decoder = new FrameDecoder();
  const head = new Uint8Array(FRAME_HEAD_LENGTH);
  new Seal(key).write(head, type, length, type === FrameType.Data ? new Uint8Array(0) : body, random);
  decoder.push(key);
  decoder.next();
  return [decoder, concat([head, body])];
}

/** Decodes a frame with any body and a right tag, after KEY. */
function taken(type: FrameType, body: Uint8Array): Frame | null {
  const [decoder, frame] = sealed(type, body);
  decoder.push(frame);
  return decoder.next();
}

Deno.test("frames of every type are decoded as they were encoded", () => {
  const sent = everyFrame(random);
  const { frames, error, atBoundary } = receive(sent.map(({ bytes }) => bytes));
  assertEquals(error, undefined);
  assertEquals(frames, sent.map(({ frame }) => frame));
  assert(atBoundary);
});

Deno.test("a body's length is checked against its type's limits as soon as the head is there", () => {
  const limits: readonly (readonly [FrameType, number, number])[] = [
    [FrameType.Open, 4, 276],
    [FrameType.Result, 1, 201],
    [FrameType.Data, 1, 524_288],
    [FrameType.End, 0, 0],
    [FrameType.Reset, 1, 1],
    [FrameType.Ping, 0, 8],
    [FrameType.Pong, 0, 8],
    [FrameType.Bye, 0, 0],
    [FrameType.Workers, 17, 17],
  ];
  for (const [type, least, most] of limits) {
    for (const length of [least, Math.ceil((least + most) / 2), most]) {
      const [decoder, bytes] = sealed(type, new Uint8Array(0), length);
      decoder.push(bytes);
      if (length === 0) assertEquals(decoder.next()?.type, type);
      else assertEquals(decoder.next(), null, `${FrameType[type]} of ${length}`);
      assertEquals(decoder.atBoundary, length === 0);
    }
    for (const length of [least - 1, most + 1, 0, 65_536 + least, 2 ** 24 - 1]) {
      if (length < 0 || length >= least && length <= most) continue;
      const [decoder, bytes] = sealed(type, new Uint8Array(0), length);
      decoder.push(bytes);
      assertThrows(() => decoder.next(), WireError, `${frameName(type)} of ${length} bytes`);
    }
  }
});

Deno.test("a KEY has no body", () => {
  for (const length of [1, 32, 33, 65_536]) {
    const decoder = new FrameDecoder();
    decoder.push(head(FrameType.Key, length));
    assertThrows(() => decoder.next(), WireError, `KEY of ${length} bytes`);
  }
});

Deno.test("a frame of an unknown type is refused at its head, even with a right tag", () => {
  for (let type = 10; type < 256; type++) {
    const [decoder, bytes] = sealed(type, new Uint8Array(0), 32);
    decoder.push(bytes);
    assertThrows(() => decoder.next(), WireError, `unknown type ${type}`);
  }
});

Deno.test("a frame before KEY is refused at its head, and so is a second KEY", () => {
  for (const { bytes, frame } of everyFrame(random).slice(1)) {
    const decoder = new FrameDecoder();
    decoder.push(bytes.subarray(0, FRAME_HEAD_LENGTH));
    assertThrows(() => decoder.next(), WireError, `${frameName(frame.type)} before KEY`);
  }
  const [decoder, bytes] = sealed(FrameType.Key, new Uint8Array(0));
  decoder.push(bytes);
  assertThrows(() => decoder.next(), WireError, "a second KEY");
});

Deno.test("WORKERS is accepted directly after KEY and nowhere else, even with a right tag, however it is cut", () => {
  const workers = { count: 64, id: new Random(3).bytes(16) };
  const encoder = new FrameEncoder(random);
  const bytes = [encoder.key(), encoder.workers(workers), encoder.end(), encoder.workers(workers)];
  for (const pieces of [bytes, [...concat(bytes)].map((byte) => Uint8Array.of(byte))]) {
    const { frames, error } = receive(pieces);
    assertEquals(frames, [{ type: FrameType.Key }, { type: FrameType.Workers, workers }, { type: FrameType.End }]);
    assert(error instanceof WireError && error.message === "WORKERS not directly after KEY", `${error}`);
  }
});

Deno.test("WORKERS has a count of 2 to 64; others are refused", () => {
  const id = new Random(4).bytes(16);
  for (let count = 0; count < 256; count++) {
    const workers = (): Frame | null => taken(FrameType.Workers, concat([Uint8Array.of(count), id]));
    if (count >= 2 && count <= 64) assertEquals(workers(), { type: FrameType.Workers, workers: { count, id } });
    else assertThrows(workers, WireError, `WORKERS has count ${count}`);
  }
});

Deno.test("DATA with a wrong tag is refused at its head, before any of it is returned", () => {
  const [encoder, decoder] = pair();
  const bytes = dataFrame(encoder, Uint8Array.of(1, 2, 3));
  bytes[35]! ^= 1;
  decoder.push(bytes.subarray(0, FRAME_HEAD_LENGTH));
  assertThrows(() => decoder.next(), WireError, "DATA with a wrong tag");
});

Deno.test("the longest frames decode: OPEN, RESULT, DATA", () => {
  const [encoder, decoder] = pair();
  const open = encoder.open(LONGEST_OPEN), data = dataFrame(encoder, new Uint8Array(524_288).fill(5));
  const result = encoder.result(1, "x".repeat(200));
  assertEquals([open.length, result.length, data.length], [36 + 276, 36 + 201, 36 + 524_288]);
  decoder.push(concat([open]));
  assertEquals(decoder.next(), { type: FrameType.Open, open: LONGEST_OPEN });
  decoder.push(data);
  assertEquals(decoder.next(), { type: FrameType.Data, bytes: data.subarray(36) });
  decoder.push(result);
  assertEquals(decoder.next(), { type: FrameType.Result, code: 1, text: "x".repeat(200) });
});

Deno.test("RESULT with code 0 to 5 and RESET with code 1 to 4 are accepted; other codes are refused", () => {
  for (let code = 0; code < 256; code++) {
    const result = (): Frame | null => taken(FrameType.Result, Uint8Array.of(code, 104, 105));
    if (code <= 5) assertEquals(result(), { type: FrameType.Result, code, text: "hi" });
    else assertThrows(result, WireError, `RESULT with unknown code ${code}`);
    const reset = (): Frame | null => taken(FrameType.Reset, Uint8Array.of(code));
    if (code >= 1 && code <= 4) assertEquals(reset(), { type: FrameType.Reset, code });
    else assertThrows(reset, WireError, `RESET with unknown code ${code}`);
  }
});

Deno.test("invalid UTF-8 in a RESULT's text is replaced", () => {
  const frame = taken(FrameType.Result, Uint8Array.of(1, 97, 255, 98));
  assertEquals(frame, { type: FrameType.Result, code: 1, text: "a\ufffdb" });
});

Deno.test("OPEN with trailing bytes, or of an unknown kind, is refused even with a right tag", () => {
  const body = encodeOpen({ destination: { kind: "port", port: 80 } });
  assertEquals(taken(FrameType.Open, body)?.type, FrameType.Open);
  assertThrows(() => taken(FrameType.Open, concat([body, Uint8Array.of(0)])), WireError, "trailing bytes");
  assertThrows(() => taken(FrameType.Open, body.with(0, 5)), WireError, "unknown kind");
});

Deno.test("DATA is returned as views of the pushed bytes", () => {
  const [encoder, decoder] = pair();
  const bytes = dataFrame(encoder, Uint8Array.of(1, 2, 3, 4, 5));
  for (const [from, to] of [[0, 38], [38, 41]] as const) {
    decoder.push(bytes.subarray(from, to));
    const frame = decoder.next();
    assert(frame?.type === FrameType.Data);
    assertStrictEquals(frame.bytes.buffer, bytes.buffer);
    assertEquals(frame.bytes, bytes.slice(Math.max(from, 36), to));
    assertEquals(decoder.next(), null);
  }
});

Deno.test("other decoded frames stay unchanged when the pushed bytes change and more arrive", () => {
  const [encoder, decoder] = pair();
  const payload = Uint8Array.of(1, 2, 3), source = { address: Uint8Array.of(192, 0, 2, 1), port: 9 };
  const bytes = concat([encoder.ping(payload), encoder.open({ destination: { kind: "port", port: 1 }, source })]);
  decoder.push(bytes);
  const ping = decoder.next(), open = decoder.next();
  bytes.fill(0xee);
  decoder.push(encoder.open(LONGEST_OPEN));
  decoder.next();
  assertEquals(ping, { type: FrameType.Ping, payload });
  assertEquals(open, { type: FrameType.Open, open: { destination: { kind: "port", port: 1 }, source } });
});

Deno.test("a decoder keeps no reference to a head or body that was lent in pieces", () => {
  const [encoder, decoder] = pair();
  for (const bytes of [encoder.open({ destination: { kind: "port", port: 1 } }), encoder.end()]) {
    for (let at = 0; at < bytes.length; at++) {
      const lent = bytes.slice(at, at + 1);
      decoder.push(lent);
      assertEquals(decoder.next()?.type, at === bytes.length - 1 ? bytes[0] : undefined);
      lent.fill(0xee);
    }
  }
});

Deno.test("a decoder is at a boundary only after whole frames, with all pushed bytes decoded", () => {
  const sent = everyFrame(random), bytes = bytesOf(sent);
  const boundaries = new Set([0]);
  let end = 0;
  for (const one of sent) boundaries.add(end += one.bytes.length);
  for (let length = 0; length <= bytes.length; length++) {
    assertEquals(receive([bytes.subarray(0, length)]).atBoundary, boundaries.has(length), `after ${length} bytes`);
  }
  const decoder = new FrameDecoder();
  decoder.push(concat([sent[0]!.bytes, sent[1]!.bytes]));
  assertEquals(decoder.atBoundary, false);
  decoder.next();
  assertEquals(decoder.atBoundary, false);
  decoder.next();
  assertEquals(decoder.atBoundary, true);
});
