/** The load of the task `load`, so small that the suite can carry it: nothing may be left open, and the heap not grow on. */
import { idle, killed, short, type Sizes } from "./parts.ts";

/** Other tests run at the same time: neither how fast a session is nor what is resident can be judged. */
const SMALL: Sizes = {
  ...{ idle: 300, hold: 1, busy: 20, rounds: 20, short: 1000 },
  tolerance: { memory: Infinity, throughput: 0, probe: 1 },
};

Deno.test("idle, busy, short and killed sessions by the hundred carry all that they should, and leave nothing behind", async () => {
  // At once: each of them waits most of the time.
  const parts = await Promise.allSettled([idle, killed, short].map((part) => part(SMALL, () => {})));
  for (const part of parts) if (part.status === "rejected") throw part.reason;
});
