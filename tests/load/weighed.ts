/**
 * `micss`, run with `--v8-flags=--expose-gc`: at each SIGUSR2 it collects garbage, and writes how much is left as a line of
 * its log, `heap`. What is resident tells less: V8 gives memory back when it likes.
 *
 * @module
 */
import { main } from "../../src/cli/mod.ts";

let count = 0;

Deno.addSignalListener("SIGUSR2", () => {
  const { gc } = globalThis as unknown as { gc: () => void };
  gc();
  gc();
  console.log(
    JSON.stringify({
      event: "heap",
      count: ++count,
      bytes: Deno.memoryUsage().heapUsed,
      buffers: Deno.memoryUsage().external,
    }),
  );
});

Deno.exit(await main(Deno.args));
