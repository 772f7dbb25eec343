import { assertEquals } from "@std/assert";
import { frameName, FrameType, isControl } from "../../src/wire/frame.ts";

Deno.test("OPEN, RESULT, END, RESET and BYE are control frames, and nothing else is", () => {
  const control = Array.from({ length: 256 }, (_, type) => type).filter(isControl);
  assertEquals(control, [FrameType.Open, FrameType.Result, FrameType.End, FrameType.Reset, FrameType.Bye]);
  assertEquals(control, [1, 2, 4, 5, 8]);
});

Deno.test("frames are named as the specification writes them", () => {
  const types = Array.from({ length: 9 }, (_, type) => type as FrameType);
  assertEquals(types.map(frameName), ["KEY", "OPEN", "RESULT", "DATA", "END", "RESET", "PING", "PONG", "BYE"]);
});
