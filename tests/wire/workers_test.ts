import { assertEquals, assertThrows } from "@std/assert";
import { decodeWorkers, encodeWorkers, MAX_WORKERS, sameWorkers, WORKERS_LENGTH } from "../../src/wire/workers.ts";

const id = Uint8Array.from({ length: 16 }, (_, at) => at);

Deno.test("WORKERS has a count and an id, and decodes to what was encoded", () => {
  for (const count of [2, 3, MAX_WORKERS]) {
    const body = encodeWorkers({ count, id });
    assertEquals([body.length, body[0]], [WORKERS_LENGTH, count]);
    const decoded = decodeWorkers(body);
    body.fill(0xee);
    assertEquals(decoded, { count, id });
  }
});

Deno.test("a count out of range and an id of another length are not encoded", () => {
  for (const count of [-1, 0, 1, 2.5, MAX_WORKERS + 1, NaN]) {
    assertThrows(() => encodeWorkers({ count, id }), RangeError);
  }
  assertThrows(() => encodeWorkers({ count: 2, id: id.subarray(1) }), RangeError);
});

Deno.test("workers belong to one server handler if count and id are equal", () => {
  assertEquals(sameWorkers({ count: 2, id }, { count: 2, id: id.slice() }), true);
  assertEquals(sameWorkers({ count: 2, id }, { count: 3, id }), false);
  assertEquals(sameWorkers({ count: 2, id }, { count: 2, id: id.with(15, 0) }), false);
});
