import { encodeAssociate } from "../../src/wire/associate.ts";
import { FrameType, ResultCode } from "../../src/wire/frame.ts";
import { FrameEncoder } from "../../src/wire/frame_encoder.ts";
import { encodeGreeting } from "../../src/wire/greeting.ts";
import { encodeOpen } from "../../src/wire/open.ts";
import { concat, counted, counting, type Vector } from "./vector.ts";

/** Bytes that must be refused, each with what they would be of: greeting, associate, reply, open or direction. */
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
    vector("open", "left over", "A byte behind the body", concat(toPort, Uint8Array.of(0))),
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
  const key = encoder.key(), result = encoder.result(ResultCode.Ok), end = encoder.end(), bye = encoder.bye();
  const direction = (name: string, description: string, ...frames: Uint8Array[]): Vector =>
    vector("direction", name, description, concat(...frames));
  const head = (type: number, length: number): Uint8Array => Uint8Array.of(type, length >> 16, length >> 8, length);
  const last = end.length - 1;
  return [
    direction("no KEY", "A frame before KEY", head(FrameType.Ping, 0)),
    direction("KEY twice", "A second KEY", key, key),
    direction("long KEY", "A KEY of 33 bytes, refused at its head", head(FrameType.Key, 33)),
    direction("unknown frame", "A frame of type 9, refused at its head", key, head(9, 0)),
    direction("no DATA", "A DATA frame of no bytes, refused at its head", key, head(FrameType.Data, 0)),
    direction("long DATA", "A DATA frame of 262,145 bytes, refused at its head", key, head(FrameType.Data, 262_145)),
    direction("long PING", "A PING of 9 bytes, refused at its head", key, head(FrameType.Ping, 9)),
    direction("long OPEN", "An OPEN of 309 bytes, refused at its head", key, head(FrameType.Open, 309)),
    direction("wrong tag", "A bit of the tag is flipped", key, result, changed(end, last, end[last]! ^ 1)),
    direction("dropped", "A control frame is missing", key, result, bye),
    direction("repeated", "A control frame comes twice", key, result, result),
    direction("exchanged", "Two control frames in the wrong order", key, end, result),
    direction(
      "DATA added",
      "A DATA frame that was not sent, then END",
      key,
      result,
      head(FrameType.Data, 1),
      counted(1),
      end,
    ),
    direction("another key", "A bit of the key is flipped", changed(key, 4, key[4]! ^ 1), result),
    direction("another mask", "A bit of the first mask is flipped", changed(key, 20, key[20]! ^ 1), result),
  ];
}

function vector(of: string, name: string, description: string, bytes: Uint8Array): Vector {
  return { name: `${of}: ${name}`, description, of, bytes: bytes.toHex() };
}

function changed(bytes: Uint8Array, at: number, byte: number): Uint8Array {
  return bytes.with(at, byte);
}
