/** Input from the network: each message, and the frames of a direction. */
import { assertEquals } from "@std/assert";
import { decodeAssociateReply, encodeAssociate, encodeRefused } from "../../src/wire/associate.ts";
import { type Decoder, WireError } from "../../src/wire/decoder.ts";
import { decodeFirst } from "../../src/wire/first.ts";
import { type Frame, FRAME_HEAD_LENGTH, FrameType, MAX_DATA } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { decodeGreeting, encodeGreeting } from "../../src/wire/greeting.ts";
import {
  decodeChannelList,
  decodeIdentifyReply,
  encodeChannelList,
  encodeIdentify,
  encodeIdentifyAnswer,
  encodeIdentifyRefusal,
  Method,
} from "../../src/wire/identify.ts";
import { decodeOpen, encodeOpen } from "../../src/wire/open.ts";
import { Seal } from "../../src/wire/seal.ts";
import { decode, TooMuchAsked } from "../support/wire/decode.ts";
import { everyFrame } from "../support/wire/frames.ts";
import { concat } from "../../src/wire/concat.ts";
import { Random } from "../support/random/random.ts";
import { taken, type Target } from "./target.ts";
import { invalid, vectorsOf } from "./vectors.ts";

/** Maximum length of a message before an association, in bytes (docs/PROTOCOL.md 2.6). */
const MAX_ASKED = 1024;

/** A decoded value must encode to the bytes that it came from. */
function message<T>(
  name: string,
  decoder: () => Decoder<T>,
  encode: (value: T) => Uint8Array,
  seeds: readonly Uint8Array[],
): Target {
  return {
    ...{ name, seeds, words: seeds.map((seed) => seed.subarray(0, 8)), longest: 600 },
    take(input) {
      const asked: number[] = [];
      const decoded = taken(() => decode(decoder(), input, asked), [WireError, TooMuchAsked]);
      const total = asked.reduce((a, b) => a + b, 0);
      if (total > MAX_ASKED) throw new Error(`${total} bytes asked for`);
      if (decoded !== null) assertEquals(encode(decoded.value.value).toHex(), input.subarray(0, total).toHex());
      return decoded !== null;
    },
  };
}

const questions = vectorsOf("identify", "question");
const answers = vectorsOf("identify", "answer");

function answerTarget(method: Method): Target {
  return message(
    `answer to a question, by ${Method[method]}`,
    () => decodeIdentifyReply(method),
    (reply) => reply.kind === "answer" ? encodeIdentifyAnswer(reply.answer) : encodeIdentifyRefusal(reply.reason),
    [...answers, ...vectorsOf("unanswered", "bytes"), ...invalid("reply")],
  );
}

/** Frames of a direction: the result must not depend on how the bytes are cut. */
const frames: Target = {
  name: "frames",
  seeds: [
    ...prefixes(vectorsOf("direction", "frame")),
    ...invalid("direction"),
    concat(everyFrame(new Random(1).fill).map(({ bytes }) => bytes)),
  ],
  words: vectorsOf("direction", "frame").map((frame) => frame.subarray(0, FRAME_HEAD_LENGTH)),
  longest: 1500,
  take(input) {
    const whole = framesOf([input]);
    // Often enough, and it takes as long as all else.
    if (input.length % 4 === 0) assertEquals(framesOf(new Random(input.length).cuts(input, 60)), whole);
    return !whole.at(-1)!.startsWith("WireError");
  },
};

/** Correctly sealed frames, so that their content passes the tags. Input: type, length `u8`, body, and so on. */
const sealedFrames: Target = {
  name: "sealed frames",
  seeds: [
    concat([...vectorsOf("open", "body"), ...invalid("open")].map((body) => Uint8Array.of(1, body.length, ...body))),
    ...vectorsOf("open", "body").map((body) => Uint8Array.of(FrameType.Open, body.length, ...body)),
    ...vectorsOf("direction", "body").map((body, index) => Uint8Array.of(index % 10, body.length, ...body)),
  ],
  words: vectorsOf("open", "body"),
  longest: 300,
  take(input) {
    const results = framesOf([sealed(input)]);
    return !results.at(-1)!.startsWith("WireError");
  },
};

function sealed(input: Uint8Array): Uint8Array {
  const random = new Random(1).fill;
  const key = new Uint8Array(FRAME_HEAD_LENGTH);
  Seal.writeKey(key, random);
  const seal = new Seal(key);
  const pieces = [key];
  for (let at = 0; at + 2 <= input.length;) {
    const type = input[at]! % 11 as FrameType, body = input.subarray(at + 2, at + 2 + input[at + 1]!);
    const frame = new Uint8Array(FRAME_HEAD_LENGTH + body.length);
    seal.write(frame, type, body.length, type === FrameType.Data ? new Uint8Array(0) : body, random);
    frame.set(body, FRAME_HEAD_LENGTH);
    pieces.push(frame);
    at += 2 + body.length;
  }
  return concat(pieces);
}

/** Decoded frames, one line each, with DATA joined; the last line tells why decoding ended. */
function framesOf(pieces: Iterable<Uint8Array>): string[] {
  const decoder = new FrameDecoder();
  const lines: string[] = [];
  try {
    for (const piece of pieces) {
      decoder.push(piece);
      for (let frame = decoder.next(); frame !== null; frame = decoder.next()) add(lines, frame);
    }
    return [...lines, decoder.atBoundary ? "boundary" : "more"];
  } catch (error) {
    if (error instanceof WireError) return [...lines, `WireError: ${error.message}`];
    throw error;
  }
}

function add(lines: string[], frame: Frame): void {
  if (frame.type === FrameType.Open) assertEquals(decodeOpen(encodeOpen(frame.open)), frame.open);
  if (frame.type !== FrameType.Data) return void lines.push(JSON.stringify(frame));
  if (frame.bytes.length === 0 || frame.bytes.length > MAX_DATA) {
    throw new Error(`${frame.bytes.length} bytes of DATA`);
  }
  const last = lines.at(-1);
  if (last?.startsWith("DATA ")) lines[lines.length - 1] += frame.bytes.toHex();
  else lines.push(`DATA ${frame.bytes.toHex()}`);
}

function prefixes(pieces: readonly Uint8Array[]): Uint8Array[] {
  return pieces.map((_, index) => concat(pieces.slice(0, index + 1)));
}

export const wireTargets: readonly Target[] = [
  message("greeting", decodeGreeting, encodeGreeting, [...vectorsOf("greeting", "bytes"), ...invalid("greeting")]),
  message(
    "first message",
    decodeFirst,
    (first) => first.kind === "associate" ? encodeAssociate(first.list) : encodeIdentify(first.question),
    [...vectorsOf("associate", "bytes"), ...invalid("associate"), ...questions],
  ),
  message(
    "answer to a list",
    () => decodeAssociateReply(3),
    (reply) => reply.kind === "echo" ? reply.bytes : encodeRefused(reply.reason),
    [...vectorsOf("associate", "bytes"), ...vectorsOf("refused", "bytes"), ...invalid("reply")],
  ),
  answerTarget(Method.HmacSha256),
  answerTarget(Method.Ed25519),
  {
    name: "list of channels",
    seeds: [...vectorsOf("identify", "list"), ...vectorsOf("invalidList", "bytes")],
    words: [Uint8Array.of(4, 192, 0, 2, 10, 25, 122), Uint8Array.of(6, ...Array(15).fill(0), 1, 25, 122)],
    longest: 400,
    take(input) {
      const decoded = taken(() => decodeChannelList(input), [WireError]);
      if (decoded !== null) assertEquals(encodeChannelList(decoded.value).toHex(), input.toHex());
      return decoded !== null;
    },
  },
  {
    name: "body of OPEN",
    seeds: [...vectorsOf("open", "body"), ...invalid("open")],
    words: [Uint8Array.of(2, 0, 80, 3, 97, 46, 98), Uint8Array.of(3, 127, 0, 0, 1), Uint8Array.of(0)],
    longest: 300,
    take(input) {
      const decoded = taken(() => decodeOpen(input), [WireError]);
      if (decoded !== null) assertEquals(encodeOpen(decoded.value).toHex(), input.toHex());
      return decoded !== null;
    },
  },
  frames,
  sealedFrames,
];
