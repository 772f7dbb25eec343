import { encodeAssociate } from "../../src/wire/associate.ts";
import { FRAME_HEAD_LENGTH, FrameType, ResultCode } from "../../src/wire/frame.ts";
import { FrameEncoder } from "../../src/wire/frame_encoder.ts";
import { encodeGreeting } from "../../src/wire/greeting.ts";
import { encodeOpen } from "../../src/wire/open.ts";
import { data } from "./direction.ts";
import { MASK_AT, TAG_AT } from "./field.ts";
import { counted, counting, type Vector } from "./vector.ts";
import { concat } from "../../src/wire/concat.ts";

/** Bytes that must be refused, each with its kind: greeting, associate, reply, open or direction. */
export function invalid(): Vector[] {
  const list = (...cookies: Uint8Array[]): Uint8Array =>
    encodeAssociate({ scheme: 1, threshold: cookies.length, cookies });
  const cookie = counted(16), other = counted(16, 16);
  const toPort = encodeOpen({ destination: { kind: "port", port: 80 } });
  return [
    vector(
      "greeting",
      "another protocol",
      "An SSH server answers",
      new TextEncoder().encode("SSH-2.0-OpenSSH_9.2p1\r\n"),
    ),
    vector("greeting", "another version", "A server of version 2", changed(encodeGreeting(cookie), 5, 2)),
    vector("associate", "another type", "No list of cookies", changed(list(cookie, other), 0, 2)),
    vector("associate", "one cookie", "Fewer than 2 channels", list(cookie)),
    vector(
      "associate",
      "17 cookies",
      "More than 16 channels",
      list(...Array.from({ length: 17 }, (_, i) => counted(16, i))),
    ),
    vector("associate", "a cookie twice", "Two shares on one channel", list(cookie, other, cookie)),
    vector("reply", "unknown reason", "Refused for reason 6", Uint8Array.of(255, 6)),
    vector("reply", "unknown type", "Neither an echo nor a refusal", Uint8Array.of(2, 1)),
    vector("open", "left over", "A byte behind the body", concat([toPort, [0]])),
    vector("open", "too short", "No kind of source", toPort.subarray(0, 3)),
    vector("open", "unknown kind", "Kind 5", changed(toPort, 0, 5)),
    vector("open", "unknown source", "Source of kind 1", changed(toPort, 3, 1)),
    vector("open", "no name", "A name of no bytes", Uint8Array.fromHex("0200500000")),
    vector("open", "bad name", "A name with a line break", Uint8Array.fromHex("020050020a6100")),
    ...directions(),
  ];
}

function directions(): Vector[] {
  const encoder = new FrameEncoder(counting());
  const key = encoder.key(), result = encoder.result(ResultCode.Ok), hello = data(encoder, counted(5, 65));
  const end = encoder.end(), ping = encoder.ping(counted(4)), bye = encoder.bye();
  const direction = (name: string, description: string, ...frames: Uint8Array[]): Vector =>
    vector("direction", name, description, concat(frames));
  /** Changes a frame's type or length. */
  const turned = (frame: Uint8Array, type: number, length: number): Uint8Array =>
    concat([[type, length >> 16, length >> 8, length], frame.slice(4)]);
  /** A head with an invalid type or length; its mask and tag count up. */
  const head = (type: number, length: number): Uint8Array => turned(counted(FRAME_HEAD_LENGTH), type, length);
  const flipped = (frame: Uint8Array, at: number): Uint8Array => changed(frame, at, frame[at]! ^ 1);
  return [
    direction("no KEY", "A frame before KEY", ping),
    direction("KEY twice", "A second KEY", key, key),
    direction("long KEY", "A KEY of 1 byte, refused at its head", turned(key, FrameType.Key, 1)),
    direction("unknown frame", "A frame of type 9, refused at its head", key, head(9, 0)),
    direction("no DATA", "A DATA frame of no bytes, refused at its head", key, head(FrameType.Data, 0)),
    direction("long DATA", "A DATA frame of 524,289 bytes, refused at its head", key, head(FrameType.Data, 524_289)),
    direction("long PING", "A PING of 9 bytes, refused at its head", key, head(FrameType.Ping, 9)),
    direction("long OPEN", "An OPEN of 277 bytes, refused at its head", key, head(FrameType.Open, 277)),
    direction("wrong tag", "A bit of the tag is flipped", key, result, flipped(hello, TAG_AT)),
    direction("wrong mask", "A bit of the next mask is flipped", key, flipped(result, MASK_AT)),
    direction("wrong body", "A bit of RESULT's code is flipped", key, flipped(result, FRAME_HEAD_LENGTH)),
    direction("dropped", "RESULT is missing", key, hello),
    direction("DATA dropped", "DATA is missing", key, result, end),
    direction("repeated", "RESULT comes twice", key, result, result),
    direction("DATA repeated", "DATA comes twice", key, result, hello, hello),
    direction("exchanged", "Two frames in the wrong order", key, result, end, hello),
    direction(
      "shorter DATA",
      "DATA says a byte less than it was sent with",
      key,
      result,
      turned(hello, FrameType.Data, 4),
    ),
    direction(
      "END as DATA",
      "END turned into DATA, refused at its head",
      key,
      result,
      hello,
      turned(end, FrameType.Data, 1),
    ),
    direction("DATA as PING", "DATA turned into PING", key, result, turned(hello, FrameType.Ping, 5)),
    direction("PING as DATA", "PING turned into DATA", key, result, hello, end, turned(ping, FrameType.Data, 4), bye),
    direction("another key", "A bit of the key is flipped", flipped(key, MASK_AT), result),
    direction("another mask", "A bit of the first mask is flipped", flipped(key, TAG_AT), result),
  ];
}

function vector(of: string, name: string, description: string, bytes: Uint8Array): Vector {
  return { name: `${of}: ${name}`, description, of, bytes: bytes.toHex() };
}

function changed(bytes: Uint8Array, at: number, byte: number): Uint8Array {
  return bytes.with(at, byte);
}
