import { assert, assertEquals } from "@std/assert";
import { SEND_CAPACITY, sendBatches } from "../../src/datagrams/send_batches.ts";

Deno.test("a size's batches are the same for all, one for each channel, and those of four sizes are kept", () => {
  const three = sendBatches(3, 500), two = sendBatches(2, 500);
  assertEquals([three.length, two.length, new Set(three).size], [3, 2, 3]);
  assert(three.every(({ capacity, size }) => capacity === SEND_CAPACITY && size === 500));
  assert(two.every((batch, channel) => batch === three[channel]));
  assert(sendBatches(5, 500).slice(0, 3).every((batch, channel) => batch === three[channel]));
  for (const size of [501, 502, 503]) sendBatches(2, size);
  assert(sendBatches(2, 500)[0] === three[0], "the one used last is kept longest");
  sendBatches(2, 504);
  assert(sendBatches(2, 500)[0] === three[0]);
  for (const size of [505, 506, 507, 508]) sendBatches(2, size);
  assert(sendBatches(2, 500)[0] !== three[0]);
});
