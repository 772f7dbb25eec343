/** Frames to send, and a decoder that receives them in pieces. */

import { concat } from "../../../src/wire/concat.ts";
import { type Frame, FRAME_HEAD_LENGTH, FrameType, ResetCode, ResultCode } from "../../../src/wire/frame.ts";
import { FrameDecoder } from "../../../src/wire/frame_decoder.ts";
import { FrameEncoder } from "../../../src/wire/frame_encoder.ts";
import type { Open } from "../../../src/wire/open.ts";
import type { Random } from "../../../src/wire/seal.ts";
import { bytes, fc, record } from "../random/property.ts";
import { Random as Seeded } from "../random/random.ts";

/** A frame in its encoded form, and as a decoder must return it. */
export interface Sent {
  /** The whole frame. */
  readonly bytes: Uint8Array;
  /** The decoded frame, DATA in one piece. */
  readonly frame: Frame;
}

/** Outcome of decoding a stream. */
export interface Received {
  /** The frames; consecutive pieces of DATA are joined. */
  readonly frames: Frame[];
  /** The error, if any. */
  readonly error: unknown;
  /** Set if the stream ended between two frames. */
  readonly atBoundary: boolean;
}

/** The longest OPEN: a name of 253 bytes and an IPv6 source. */
export const LONGEST_OPEN: Open = {
  destination: { kind: "name", port: 443, host: `${"a".repeat(63)}.`.repeat(3) + "b".repeat(61) },
  source: { address: Uint8Array.fromHex("20010db8000000000000000000000001"), port: 65535 },
};

/** Joins the bytes of frames. */
export function bytesOf(sent: readonly Sent[]): Uint8Array<ArrayBuffer> {
  return concat(sent.map(({ bytes }) => bytes));
}

/** A whole DATA frame. */
export function dataFrame(encoder: FrameEncoder, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FRAME_HEAD_LENGTH + body.length);
  encoder.dataHead(bytes, body.length);
  bytes.set(body, FRAME_HEAD_LENGTH);
  return bytes;
}

/** The first four bytes of a frame: its type and its body's length. */
export function startOf(type: number, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(type, length >> 16, length >> 8, length);
}

/** One direction with a frame of every type, the longest and the shortest of some. */
export function everyFrame(random: Random): Sent[] {
  const encoder = new FrameEncoder(random);
  const payload = new Uint8Array(8);
  random(payload);
  const short: Open = { destination: { kind: "port", port: 22 } };
  const text = "connection refused";
  const workers = { count: 2, id: Uint8Array.from({ length: 16 }, (_, at) => at) };
  return [
    { bytes: encoder.key(), frame: { type: FrameType.Key } },
    { bytes: encoder.workers(workers), frame: { type: FrameType.Workers, workers } },
    { bytes: encoder.open(short), frame: { type: FrameType.Open, open: short } },
    { bytes: dataFrame(encoder, payload), frame: { type: FrameType.Data, bytes: payload } },
    { bytes: encoder.result(ResultCode.Ok), frame: { type: FrameType.Result, code: ResultCode.Ok, text: "" } },
    { bytes: encoder.ping(payload), frame: { type: FrameType.Ping, payload } },
    { bytes: encoder.end(), frame: { type: FrameType.End } },
    { bytes: encoder.open(LONGEST_OPEN), frame: { type: FrameType.Open, open: LONGEST_OPEN } },
    {
      bytes: encoder.result(ResultCode.Refused, text),
      frame: { type: FrameType.Result, code: ResultCode.Refused, text },
    },
    { bytes: encoder.pong(new Uint8Array(0)), frame: { type: FrameType.Pong, payload: new Uint8Array(0) } },
    {
      bytes: dataFrame(encoder, payload.subarray(0, 1)),
      frame: { type: FrameType.Data, bytes: payload.slice(0, 1) },
    },
    { bytes: encoder.reset(ResetCode.Limit), frame: { type: FrameType.Reset, code: ResetCode.Limit } },
    { bytes: encoder.bye(), frame: { type: FrameType.Bye } },
    { bytes: encoder.end(), frame: { type: FrameType.End } },
  ];
}

/** Bodies of OPEN frames: each kind of destination, with and without each kind of source. */
export function opens(): fc.Arbitrary<Open> {
  const port = fc.nat(65535), address = fc.oneof(bytes(4, 4), bytes(16, 16));
  const destination = fc.oneof(
    record({ kind: fc.constant("port" as const), port }),
    record({ kind: fc.constant("name" as const), port, host: fc.stringMatching(/^[a-z0-9_-]{1,63}(\.[ab]\.?)?$/) }),
    record({ kind: fc.constant("address" as const), port, address }),
  );
  return fc.oneof(record({ destination }), record({ destination, source: record({ address, port }) }));
}

/** One direction: KEY, then any frames with any content, in any order. */
export function framesSent(): fc.Arbitrary<Sent[]> {
  type Make = (encoder: FrameEncoder) => Sent;
  const data = bytes(1, 300), payload = bytes(0, 8);
  const text = fc.string({ unit: "grapheme", maxLength: 20 });
  const makers: fc.Arbitrary<Make>[] = [
    data.map((bytes) => (encoder) => ({ bytes: dataFrame(encoder, bytes), frame: { type: FrameType.Data, bytes } })),
    payload.map((payload) => (encoder) => ({ bytes: encoder.ping(payload), frame: { type: FrameType.Ping, payload } })),
    payload.map((payload) => (encoder) => ({ bytes: encoder.pong(payload), frame: { type: FrameType.Pong, payload } })),
    opens().map((open) => (encoder) => ({ bytes: encoder.open(open), frame: { type: FrameType.Open, open } })),
    text.map((text) => (encoder) => {
      const code = ResultCode.Refused;
      return { bytes: encoder.result(code, text), frame: { type: FrameType.Result, code, text } };
    }),
    fc.constant((encoder) => ({ bytes: encoder.end(), frame: { type: FrameType.End } })),
    fc.constant((encoder) => ({
      bytes: encoder.reset(ResetCode.Limit),
      frame: { type: FrameType.Reset, code: ResetCode.Limit },
    })),
  ];
  return fc.array(fc.oneof(...makers), { maxLength: 12 }).map((makers) => {
    const encoder = new FrameEncoder(new Seeded(1).fill);
    const key: Sent = { bytes: encoder.key(), frame: { type: FrameType.Key } };
    return [key, ...makers.map((make) => make(encoder))];
  });
}

/** Frames as {@linkcode receive} gives them: consecutive DATA as one. */
export function joined(frames: readonly Frame[]): Frame[] {
  const all: Frame[] = [];
  for (const frame of frames) add(all, frame);
  return all;
}

/** Decodes a direction received in pieces. */
export function receive(pieces: Iterable<Uint8Array>): Received {
  const decoder = new FrameDecoder();
  const frames: Frame[] = [];
  try {
    for (const piece of pieces) {
      decoder.push(piece);
      for (let frame = decoder.next(); frame !== null; frame = decoder.next()) add(frames, frame);
    }
  } catch (error) {
    return { frames, error, atBoundary: false };
  }
  return { frames, error: undefined, atBoundary: decoder.atBoundary };
}

/** Appends a frame; joins consecutive DATA, and copies it, since it is only lent. */
function add(frames: Frame[], frame: Frame): void {
  if (frame.type !== FrameType.Data) {
    frames.push(frame);
    return;
  }
  const before = frames.at(-1);
  if (before?.type !== FrameType.Data) frames.push({ type: FrameType.Data, bytes: frame.bytes.slice() });
  else frames[frames.length - 1] = { type: FrameType.Data, bytes: concat([before.bytes, frame.bytes]) };
}
