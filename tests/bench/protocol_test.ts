import { assertEquals } from "@std/assert";
import {
  decodeCount,
  decodeRequest,
  encodeCount,
  encodeRequest,
  type Mode,
  REQUEST_LENGTH,
} from "../../src/bench/protocol.ts";

for (const mode of ["echo", "up", "down"] satisfies Mode[]) {
  Deno.test(`a request for ${mode} decodes to what was encoded`, () => {
    const request = { mode, ramp: 750, window: 65_535 };
    assertEquals(decodeRequest(encodeRequest(request)), request);
    assertEquals(encodeRequest(request).length, REQUEST_LENGTH);
  });
}

Deno.test("a count above 4 GB decodes to what was encoded", () => {
  const count = { bytes: 2 ** 40 + 1, microseconds: 3_000_000 };
  assertEquals(decodeCount(encodeCount(count)), count);
});

Deno.test("a request with another prefix or letter is refused", () => {
  const request = encodeRequest({ mode: "echo", ramp: 1, window: 1 });
  for (const at of [0, 10, 11]) {
    const broken = request.with(at, 0x7a);
    assertEquals(decodeRequest(broken), null, `byte ${at}`);
  }
});
