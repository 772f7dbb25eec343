/** The task `load` at a size that suits the suite: nothing may stay open, and the heap may not keep growing. */
import { idle, killed, short, type Sizes } from "./parts.ts";

/** Omits speed and resident memory, which concurrent tests disturb. */
const SMALL: Sizes = {
  // Each session in sequence costs twice one of many, and leaves behind what one of many would.
  ...{ idle: 200, flows: 200, hold: 1, busy: 20, rounds: 10, alone: 100, short: 600 },
  tolerance: { memory: Infinity, throughput: 0, probe: 1 },
};

Deno.test("hundreds of idle, busy, short and killed sessions carry all their bytes, and leave nothing behind", async () => {
  // Concurrently, since each mostly waits.
  const parts = await Promise.allSettled([idle, killed, short].map((part) => part(SMALL, () => {})));
  for (const part of parts) if (part.status === "rejected") throw part.reason;
});
