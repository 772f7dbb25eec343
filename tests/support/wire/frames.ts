/** Frames to send, and what receivers make of records' bodies. */

import { assertEquals } from "@std/assert";
import type { DatagramMeans } from "../../../src/wire/datagrams.ts";
import { DeniedCode, type Enroll } from "../../../src/wire/authenticate.ts";
import { concat } from "../../../src/wire/concat.ts";
import {
  type Frame,
  FRAME_HEAD_LENGTH,
  FrameType,
  MAX_CREDIT,
  ResetCode,
  ResultCode,
} from "../../../src/wire/frame.ts";
import { FrameDecoder } from "../../../src/wire/frame_decoder.ts";
import { encode, writeFrameHead } from "../../../src/wire/frame_encoder.ts";
import type { Open } from "../../../src/wire/open.ts";
import type { Offer } from "../../../src/wire/rejoin.ts";
import type { Workers } from "../../../src/wire/workers.ts";
import { bytes, fc, record } from "../random/property.ts";

/** A frame in its encoded form, and as a decoder must return it. */
export interface Sent {
  /** The whole frame. */
  readonly bytes: Uint8Array;
  /** The decoded frame. */
  readonly frame: Frame;
}

/** The result of decoding records' bodies. */
export interface Received {
  /** The frames; DATA is copied. */
  readonly frames: Frame[];
  /** The error, if any. */
  readonly error: unknown;
}

/** The longest OPEN: a name of 253 bytes and an IPv6 source. */
export const LONGEST_OPEN: Open = {
  destination: { kind: "name", port: 443, host: `${"a".repeat(63)}.`.repeat(3) + "b".repeat(61) },
  source: { address: Uint8Array.fromHex("20010db8000000000000000000000001"), port: 65535 },
};

/** The highest number of a stream. */
export const MAX_STREAM = 2 ** 32 - 1;

function counted(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, at) => at + 1);
}

/** Joins the bytes of frames to a record's body. */
export function bytesOf(sent: readonly Sent[]): Uint8Array<ArrayBuffer> {
  return concat(sent.map(({ bytes }) => bytes));
}

/** A whole DATA frame. */
export function dataFrame(stream: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FRAME_HEAD_LENGTH + body.length);
  writeFrameHead(bytes, 0, FrameType.Data, stream, body.length);
  bytes.set(body, FRAME_HEAD_LENGTH);
  return bytes;
}

/** A whole PAD frame of zeros. */
export function padFrame(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FRAME_HEAD_LENGTH + length);
  writeFrameHead(bytes, 0, FrameType.Pad, 0, length);
  return bytes;
}

/** Frames with the encoder's bytes, by their type. */
export const sent = {
  open: (stream: number, open: Open): Sent => ({
    bytes: encode.open(stream, open),
    frame: { type: FrameType.Open, stream, open },
  }),
  result: (stream: number, code: ResultCode, text = ""): Sent => ({
    bytes: encode.result(stream, code, text),
    frame: { type: FrameType.Result, stream, code, text },
  }),
  data: (stream: number, bytes: Uint8Array): Sent => ({
    bytes: dataFrame(stream, bytes),
    frame: { type: FrameType.Data, stream, bytes },
  }),
  end: (stream: number): Sent => ({ bytes: encode.end(stream), frame: { type: FrameType.End, stream } }),
  reset: (stream: number, code: ResetCode): Sent => ({
    bytes: encode.reset(stream, code),
    frame: { type: FrameType.Reset, stream, code },
  }),
  credit: (stream: number, increment: number): Sent => ({
    bytes: encode.credit(stream, increment),
    frame: { type: FrameType.Credit, stream, increment },
  }),
  blocked: (stream: number): Sent => ({ bytes: encode.blocked(stream), frame: { type: FrameType.Blocked, stream } }),
  ping: (payload: Uint8Array): Sent => ({ bytes: encode.ping(payload), frame: { type: FrameType.Ping, payload } }),
  pong: (payload: Uint8Array): Sent => ({ bytes: encode.pong(payload), frame: { type: FrameType.Pong, payload } }),
  bye: (last: number): Sent => ({ bytes: encode.bye(last), frame: { type: FrameType.Bye, last } }),
  streams: (limit: number): Sent => ({ bytes: encode.streams(limit), frame: { type: FrameType.Streams, limit } }),
  workers: (workers: Workers): Sent => ({
    bytes: encode.workers(workers),
    frame: { type: FrameType.Workers, workers },
  }),
  hello: (key: Uint8Array<ArrayBuffer>, nonce: Uint8Array<ArrayBuffer>): Sent => ({
    bytes: encode.hello(key, nonce),
    frame: { type: FrameType.Hello, key, nonce },
  }),
  auth: (head: Uint8Array<ArrayBuffer>, proof: Uint8Array<ArrayBuffer>): Sent => ({
    bytes: encode.auth(head, proof),
    frame: { type: FrameType.Auth, head, proof },
  }),
  enroll: (enroll: Enroll): Sent => ({ bytes: encode.enroll(enroll), frame: { type: FrameType.Enroll, enroll } }),
  enrolled: (client: string): Sent => ({
    bytes: encode.enrolled(client),
    frame: { type: FrameType.Enrolled, client },
  }),
  pad: (length: number): Sent => ({ bytes: padFrame(length), frame: { type: FrameType.Pad, length } }),
  ack: (joined: number): Sent => ({ bytes: encode.ack(joined), frame: { type: FrameType.Ack, joined } }),
  offer: (offer: Offer): Sent => ({ bytes: encode.offer(offer), frame: { type: FrameType.Offer, offer } }),
  datagrams: (means: DatagramMeans): Sent => ({
    bytes: encode.datagrams(means),
    frame: { type: FrameType.Datagrams, means },
  }),
  denied: (code: DeniedCode): Sent => ({ bytes: encode.denied(code), frame: { type: FrameType.Denied, code } }),
};

/** A frame of every type, the longest and the shortest of some, all of the highest and lowest numbers. */
export function everyFrame(): Sent[] {
  const payload = Uint8Array.fromHex("0102030405060708"), nothing = new Uint8Array(0);
  return [
    sent.workers({ count: 2, id: Uint8Array.from({ length: 16 }, (_, at) => at) }),
    sent.open(1, { destination: { kind: "port", port: 22 } }),
    sent.data(1, payload),
    sent.result(1, ResultCode.Ok),
    sent.streams(1),
    sent.ping(payload),
    sent.credit(1, 1),
    sent.blocked(1),
    sent.end(1),
    sent.open(MAX_STREAM, LONGEST_OPEN),
    sent.result(MAX_STREAM, ResultCode.Refused, "connection refused"),
    sent.pong(nothing),
    sent.data(MAX_STREAM, payload.subarray(0, 1)),
    sent.credit(MAX_STREAM, MAX_CREDIT),
    sent.reset(MAX_STREAM, ResetCode.Limit),
    sent.streams(MAX_STREAM),
    sent.bye(0),
    sent.bye(MAX_STREAM),
    sent.end(MAX_STREAM),
    sent.hello(payload, counted(32)),
    sent.auth(counted(32), counted(64)),
    sent.enroll({ publicKey: counted(32), mac: counted(32), invitation: payload }),
    sent.enrolled("alice"),
    sent.denied(DeniedCode.Revoked),
    sent.pad(0),
    sent.pad(300),
    sent.ack(2 ** 53 - 1),
    sent.offer({ index: 15, handle: counted(16), secrets: counted(272) }),
    sent.datagrams({ key: counted(16), handles: [payload, payload] }),
    sent.datagrams({ key: counted(16), handles: Array(16).fill(payload) }),
    sent.open(2, { destination: { kind: "datagrams", port: 53, flow: 65_535 } }),
  ];
}

/** Bodies of OPEN frames: each kind of destination, with and without each kind of source. */
export function opens(): fc.Arbitrary<Open> {
  const port = fc.nat(65535), address = fc.oneof(bytes(4, 4), bytes(16, 16));
  const destination = fc.oneof(
    record({ kind: fc.constant("port" as const), port }),
    record({ kind: fc.constant("name" as const), port, host: fc.stringMatching(/^[a-z0-9_-]{1,63}(\.[ab]\.?)?$/) }),
    record({ kind: fc.constant("address" as const), port, address }),
    record({ kind: fc.constant("datagrams" as const), port, flow: fc.nat(65535) }),
  );
  return fc.oneof(record({ destination }), record({ destination, source: record({ address, port }) }));
}

/** A stream's number: often a low one, so that frames meet on a stream. */
export function streamNumbers(): fc.Arbitrary<number> {
  return fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: MAX_STREAM }));
}

/** A well-formed frame of any type and content. */
export function anyFrame(): fc.Arbitrary<Sent> {
  const stream = streamNumbers(), payload = bytes(0, 8);
  const u32 = (min: number, max = MAX_STREAM): fc.Arbitrary<number> => fc.integer({ min, max });
  const text = fc.string({ unit: "grapheme", maxLength: 20 });
  return fc.oneof(
    fc.tuple(stream, bytes(1, 300)).map(([stream, bytes]) => sent.data(stream, bytes)),
    fc.tuple(stream, opens()).map(([stream, open]) => sent.open(stream, open)),
    fc.tuple(stream, fc.nat(5), text).map(([stream, code, text]) => sent.result(stream, code, text)),
    stream.map(sent.end),
    stream.map(sent.blocked),
    fc.tuple(stream, fc.integer({ min: 1, max: 4 })).map(([stream, code]) => sent.reset(stream, code)),
    fc.tuple(stream, u32(1, MAX_CREDIT)).map(([stream, increment]) => sent.credit(stream, increment)),
    payload.map(sent.ping),
    payload.map(sent.pong),
    u32(0).map(sent.bye),
    u32(1).map(sent.streams),
    record({ count: fc.integer({ min: 2, max: 64 }), id: bytes(16, 16) }).map(sent.workers),
    fc.tuple(bytes(8, 8), bytes(32, 32)).map(([key, nonce]) => sent.hello(key, nonce)),
    fc.tuple(bytes(32, 32), bytes(64, 64)).map(([head, proof]) => sent.auth(head, proof)),
    record({ publicKey: bytes(32, 32), mac: bytes(32, 32), invitation: bytes(8, 8) }).map(sent.enroll),
    fc.stringMatching(/^[a-z]{1,63}$/).map(sent.enrolled),
    fc.integer({ min: 1, max: 5 }).map(sent.denied),
    fc.nat(300).map(sent.pad),
    fc.maxSafeNat().map(sent.ack),
    record({ index: fc.nat(255), handle: bytes(16, 16), secrets: bytes(272, 272) }).map(sent.offer),
    record({ key: bytes(16, 16), handles: fc.array(bytes(8, 8), { minLength: 2, maxLength: 16 }) }).map(sent.datagrams),
  );
}

/** Well-formed frames of any types in any order, with any content: the body of a record. */
export function framesSent(maxLength = 12): fc.Arbitrary<Sent[]> {
  return fc.array(anyFrame(), { minLength: 1, maxLength });
}

/** Decodes records' bodies, one after another; overwrites each once it is decoded. */
export function receive(bodies: Iterable<Uint8Array>): Received {
  const frames: Frame[] = [];
  try {
    for (const body of bodies) {
      const lent = body.slice(), decoder = new FrameDecoder(lent);
      for (let frame = decoder.next(); frame !== null; frame = decoder.next()) {
        frames.push(frame.type === FrameType.Data ? { ...frame, bytes: frame.bytes.slice() } : frame);
      }
      lent.fill(0xee);
    }
  } catch (error) {
    return { frames, error };
  }
  return { frames, error: undefined };
}

/** Frames with consecutive DATA of a stream as one, as its cuts mean nothing. */
export function joined(frames: readonly Frame[]): Frame[] {
  const all: Frame[] = [];
  for (const frame of frames) {
    const before = all.at(-1);
    if (frame.type === FrameType.Data && before?.type === FrameType.Data && before.stream === frame.stream) {
      all[all.length - 1] = { ...frame, bytes: concat([before.bytes, frame.bytes]) };
    } else all.push(frame);
  }
  return all;
}

/** Encodes a decoded frame again. */
export function encoded(frame: Frame): Uint8Array {
  switch (frame.type) {
    case FrameType.Open:
      return encode.open(frame.stream, frame.open);
    case FrameType.Result:
      return encode.result(frame.stream, frame.code, frame.text);
    case FrameType.Data:
      return dataFrame(frame.stream, frame.bytes);
    case FrameType.End:
      return encode.end(frame.stream);
    case FrameType.Blocked:
      return encode.blocked(frame.stream);
    case FrameType.Reset:
      return encode.reset(frame.stream, frame.code);
    case FrameType.Credit:
      return encode.credit(frame.stream, frame.increment);
    case FrameType.Ping:
      return encode.ping(frame.payload);
    case FrameType.Pong:
      return encode.pong(frame.payload);
    case FrameType.Bye:
      return encode.bye(frame.last);
    case FrameType.Streams:
      return encode.streams(frame.limit);
    case FrameType.Workers:
      return encode.workers(frame.workers);
    case FrameType.Hello:
      return encode.hello(frame.key, frame.nonce);
    case FrameType.Auth:
      return encode.auth(frame.head, frame.proof);
    case FrameType.Enroll:
      return encode.enroll(frame.enroll);
    case FrameType.Enrolled:
      return encode.enrolled(frame.client);
    case FrameType.Denied:
      return encode.denied(frame.code);
    case FrameType.Pad:
      return padFrame(frame.length);
    case FrameType.Ack:
      return encode.ack(frame.joined);
    case FrameType.Offer:
      return encode.offer(frame.offer);
    case FrameType.Datagrams:
      return encode.datagrams(frame.means);
  }
}

/** Asserts that frames are what a body begins with: they encode to its bytes, unless a text was not UTF-8. */
export function assertSameBytes(frames: readonly Frame[], body: Uint8Array): void {
  if (frames.some((frame) => frame.type === FrameType.Result && frame.text.includes("\ufffd"))) return;
  // The bytes of padding are not kept.
  if (frames.some((frame) => frame.type === FrameType.Pad && frame.length > 0)) return;
  const again = concat(frames.map(encoded));
  assertEquals(again.toHex(), body.subarray(0, again.length).toHex());
}
