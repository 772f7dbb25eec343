import { assertEquals } from "@std/assert";
import { ProcessLog } from "../../src/run/process_log.ts";
import { LOG_THRESHOLDS } from "../../src/log/log.ts";
import type { View } from "../../src/observe/view.ts";

/** Collects everything that is written. */
class Collector {
  text = "";

  write(bytes: Uint8Array): Promise<number> {
    this.text += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  }
}

/** Log lines of a process that starts, serves a session, refuses one and ends. */
async function written(level: typeof LOG_THRESHOLDS[number]): Promise<string[]> {
  const collector = new Collector();
  {
    await using log = new ProcessLog({ level, format: "text" }, collector);
    log.handler.debug("association");
    log.lifecycle.info("ready");
    log.handler.info("session ended");
    log.handler.warn("session refused");
    log.handler.error("accept failed");
    log.lifecycle.info("ended");
  }
  return collector.text.trim().split("\n").map((line) => line.replace(/^\S+ \w+ +/, ""));
}

Deno.test("each level writes its lines; quiet keeps warnings and the process's start and end", async () => {
  const all = ["association", "ready", "session ended", "session refused", "accept failed", "ended"];
  assertEquals(
    Object.fromEntries(await Promise.all(LOG_THRESHOLDS.map(async (level) => [level, await written(level)]))),
    {
      debug: all,
      info: all.slice(1),
      quiet: ["ready", "session refused", "accept failed", "ended"],
      warn: ["session refused", "accept failed"],
      error: ["accept failed"],
    },
  );
});

Deno.test("a reload changes level and format from the next line on", async () => {
  const collector = new Collector();
  {
    await using log = new ProcessLog({ level: "warn", format: "text" }, collector);
    log.handler.info("a");
    log.config = { level: "info", format: "json" };
    log.handler.info("b");
  }
  const { time: _, ...line } = JSON.parse(collector.text);
  assertEquals(line, { level: "info", event: "b" });
});

Deno.test("dropped lines are counted, and logged once the reader reads on", async () => {
  const taken = Promise.withResolvers<number>();
  const collector = new Collector();
  let first = true;
  const sink = {
    write(bytes: Uint8Array) {
      if (!first) return collector.write(bytes);
      first = false;
      return taken.promise.then(() => collector.write(bytes));
    },
  };
  const log = new ProcessLog({ level: "info", format: "json" }, sink);
  const view = log.view({ metrics: () => Promise.resolve([]) } as Partial<View> as View);
  for (let line = 0; line < 3; line++) log.handler.info("session ended", { text: "x".repeat(500_000) });
  const [metric] = await view.metrics();
  assertEquals(metric, {
    name: "micss_log_lines_dropped_total",
    help: "Log lines dropped because standard error was not read in time.",
    type: "counter",
    samples: [{ value: 1 }],
  });
  taken.resolve(0);
  await log[Symbol.asyncDispose]();
  const events = collector.text.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(events.map(({ event, lines }) => [event, lines]), [
    ["session ended", undefined],
    ["session ended", undefined],
    ["log lines dropped", 1],
  ]);
});
