import { assertEquals } from "@std/assert";
import { ELEMENT_LENGTH } from "../../src/wire/field.ts";
import { FRAME_HEAD_LENGTH, frameName, FrameType } from "../../src/wire/frame.ts";

Deno.test("a head has room for a type, a length of three bytes, a mask and a tag", () => {
  assertEquals(FRAME_HEAD_LENGTH, 1 + 3 + 2 * ELEMENT_LENGTH);
});

Deno.test("frames are named as in the specification", () => {
  const types = Array.from({ length: 10 }, (_, type) => type as FrameType);
  assertEquals(types.map(frameName), [
    "KEY",
    "OPEN",
    "RESULT",
    "DATA",
    "END",
    "RESET",
    "PING",
    "PONG",
    "BYE",
    "WORKERS",
  ]);
});
