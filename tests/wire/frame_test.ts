import { assertEquals } from "@std/assert";
import { MAX_BODY } from "../../src/records/record.ts";
import { FRAME_HEAD_LENGTH, frameName, FrameType, MAX_DATA } from "../../src/wire/frame.ts";

Deno.test("a head has room for a type, a stream of four bytes and a length of two", () => {
  assertEquals(FRAME_HEAD_LENGTH, 1 + 4 + 2);
});

Deno.test("the longest frame fills a record", () => {
  assertEquals(FRAME_HEAD_LENGTH + MAX_DATA, MAX_BODY);
});

Deno.test("frames are numbered and named as in the specification", () => {
  const types = Array.from({ length: 21 }, (_, index) => index + 1 as FrameType);
  assertEquals(types.map(frameName), [
    "OPEN",
    "RESULT",
    "DATA",
    "END",
    "RESET",
    "PING",
    "PONG",
    "BYE",
    "WORKERS",
    "CREDIT",
    "STREAMS",
    "BLOCKED",
    "HELLO",
    "AUTH",
    "ENROLL",
    "ENROLLED",
    "DENIED",
    "PAD",
    "ACK",
    "OFFER",
    "DATAGRAMS",
  ]);
  assertEquals([FrameType[0], FrameType[22]], [undefined, undefined]);
});
