/** Input from the network: each message, and the frames of a record. */
import { assertEquals, assertInstanceOf } from "@std/assert";
import { decodeAssociateReply, encodeAssociate, encodeRefused } from "../../src/wire/associate.ts";
import { type Decoder, WireError } from "../../src/wire/decoder.ts";
import { decodeFirst } from "../../src/wire/first.ts";
import { FRAME_HEAD_LENGTH } from "../../src/wire/frame.ts";
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
import { receive as receiveRecords } from "../records/direction.ts";
import { decode, TooMuchAsked } from "../support/wire/decode.ts";
import { assertSameBytes, bytesOf, everyFrame, receive } from "../support/wire/frames.ts";
import { frameSlowly } from "../support/wire/reference.ts";
import { concat } from "../../src/wire/concat.ts";
import { decodeRejoinReply, encodeRejoin, encodeRejoined } from "../../src/wire/rejoin.ts";
import { taken, type Target } from "./target.ts";
import { directions, invalid, vectorsOf } from "./vectors.ts";

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

/** Bodies of the records in a direction, as far as they are right. */
function bodiesOf(bytes: Uint8Array): Uint8Array[] {
  return receiveRecords([bytes]).bodies;
}

/** Demands that what is decoded of a body encodes to it again. @returns True if all of it was decoded. */
function takeFrames(body: Uint8Array): boolean {
  const { frames, error } = receive([body]);
  assertSameBytes(frames, body);
  if (error === undefined) return true;
  assertInstanceOf(error, WireError);
  return false;
}

/** A record's body. */
const frames: Target = {
  name: "frames of a record",
  seeds: [
    ...vectorsOf("frame", "bytes"),
    ...directions.flatMap((parts) => bodiesOf(concat(parts))),
    ...vectorsOf("invalidDirection", "bytes").flatMap(bodiesOf),
    bytesOf(everyFrame()),
  ],
  words: everyFrame().map(({ bytes }) => bytes.subarray(0, FRAME_HEAD_LENGTH)),
  longest: 1500,
  take: takeFrames,
};

/** Frames whose lengths are right, so that all of their bodies are reached. Input: type, stream, length, each `u8`, body. */
const wholeFrames: Target = {
  name: "whole frames",
  seeds: [
    concat([...vectorsOf("open", "body"), ...invalid("open")].map((body) => Uint8Array.of(1, 1, body.length, ...body))),
    ...vectorsOf("frame", "bytes").map((frame) => Uint8Array.of(frame[0]!, frame[4]!, frame[6]!, ...frame.subarray(7))),
  ],
  words: [...vectorsOf("open", "body"), ...vectorsOf("frame", "body")],
  longest: 300,
  take(input) {
    const frames: Uint8Array[] = [];
    for (let at = 0; at + 3 <= input.length;) {
      const [type = 0, stream = 0, length = 0] = input.subarray(at, at += 3);
      frames.push(frameSlowly(type % 22, stream, input.subarray(at, at += length)));
    }
    return takeFrames(concat(frames));
  },
};

export const wireTargets: readonly Target[] = [
  message("greeting", decodeGreeting, encodeGreeting, [...vectorsOf("greeting", "bytes"), ...invalid("greeting")]),
  message(
    "first message",
    decodeFirst,
    (first) => {
      if (first.kind === "rejoin") return encodeRejoin(first.rejoin);
      return first.kind === "associate" ? encodeAssociate(first.list) : encodeIdentify(first.question);
    },
    [...vectorsOf("associate", "bytes"), ...invalid("associate"), ...questions],
  ),
  message(
    "answer to REJOIN",
    decodeRejoinReply,
    (reply) => reply.kind === "refused" ? encodeRefused(reply.reason) : encodeRejoined(reply.received, reply.code),
    [encodeRejoined(2 ** 40, new Uint8Array(16).fill(7)), ...vectorsOf("refused", "bytes")],
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
  wholeFrames,
];
