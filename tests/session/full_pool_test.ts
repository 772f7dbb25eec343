/** Sessions while the pool of buffers is full: each buffer that is given back loses its memory at once. */
import { assertEquals } from "@std/assert";
import { giveBuffer, LARGEST_BUFFER, SMALLEST_BUFFER, takeBuffer } from "../../src/net/buffer_pool.ts";
import { readFull, writeAll } from "../../src/net/connection.ts";
import { Handlers } from "../support/handlers/handlers_in_memory.ts";
import { Random } from "../support/random/random.ts";

/** Numbers of buffers that are more than the pool keeps: of its largest, and of its smallest for what is left beside those. */
const COUNTS = [[LARGEST_BUFFER, 80], [SMALLEST_BUFFER, 1500]] as const;

/** Fills the pool with buffers of sizes that flows of middling length do not take. */
function fillPool(): void {
  const taken = COUNTS.flatMap(([size, count]) => Array.from({ length: count }, () => takeBuffer(size)));
  taken.forEach(giveBuffer);
}

const SETTINGS = {
  "full shares": {},
  "short shares": { client: "shares: short" },
  "a threshold": { client: "threshold: 2", server: "threshold: 2" },
};

for (const [name, yaml] of Object.entries(SETTINGS)) {
  Deno.test(`bytes of many lengths arrive on both sides while the pool is full, with ${name}`, async () => {
    const random = new Random(3), handlers = new Handlers({}, yaml);
    const { application, target } = await handlers.session();
    fillPool();
    const lengths = [1, 30, 400, 511, 700, 1017, 1018, 5000, 8192, 20_000, 44_000, 65_536, 100_000];
    for (
      const length of [
        ...lengths,
        ...lengths.toReversed(),
        ...lengths.map((length) => length + random.below(2000)),
      ]
    ) {
      const up = random.bytes(length), down = random.bytes(length);
      const [there, back] = [new Uint8Array(length), new Uint8Array(length)];
      await Promise.all([
        writeAll(application, up),
        writeAll(target, down),
        readFull(target, there),
        readFull(application, back),
        handlers.clock.advance(2),
      ]);
      assertEquals([there, back], [up, down], `${length} bytes`);
    }
    await handlers.close(application, target);
  });
}
