/** The task `load` at a size that suits the suite: nothing may stay open, and the heap may not keep growing. */
import { idle, killed, short, type Sizes } from "./parts.ts";

/** Omits speed and resident memory, which concurrent tests disturb. */
const SMALL: Sizes = {
  ...{ idle: 300, flows: 300, hold: 1, busy: 20, rounds: 20, short: 1000 },
  tolerance: { memory: Infinity, throughput: 0, probe: 1 },
};

Deno.test("hundreds of idle, busy, short and killed sessions carry all their bytes, and leave nothing behind", async () => {
  // Concurrently, since each mostly waits.
  const parts = await Promise.allSettled([idle, killed, short].map((part) => part(SMALL, () => {})));
  for (const part of parts) if (part.status === "rejected") throw part.reason;
});
