import { assertEquals } from "@std/assert";
import { ProcessLog } from "../../src/run/process_log.ts";
import { LOG_THRESHOLDS } from "../../src/log/log.ts";
import type { View } from "../../src/observe/view.ts";

/** Takes all that is written. */
class Taker {
  text = "";

  write(bytes: Uint8Array): Promise<number> {
    this.text += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  }
}

/** What a process writes that starts, serves a session, refuses one and ends. */
async function written(level: typeof LOG_THRESHOLDS[number]): Promise<string[]> {
  const taker = new Taker();
  {
    await using log = new ProcessLog({ level, format: "text" }, taker);
    log.work.debug("association");
    log.life.info("ready");
    log.work.info("session ended");
    log.work.warn("session refused");
    log.work.error("accept failed");
    log.life.info("ended");
  }
  return taker.text.trim().split("\n").map((line) => line.replace(/^\S+ \w+ +/, ""));
}

Deno.test("each level writes what it says; quiet keeps warnings and the handler's own start and end", async () => {
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

Deno.test("a reload changes level and format of the next line", async () => {
  const taker = new Taker();
  {
    await using log = new ProcessLog({ level: "warn", format: "text" }, taker);
    log.work.info("a");
    log.config = { level: "info", format: "json" };
    log.work.info("b");
  }
  const { time: _, ...line } = JSON.parse(taker.text);
  assertEquals(line, { level: "info", event: "b" });
});

Deno.test("lines that were dropped are a metric, and a line once the reader reads on", async () => {
  const taken = Promise.withResolvers<number>();
  const taker = new Taker();
  let first = true;
  const sink = {
    write(bytes: Uint8Array) {
      if (!first) return taker.write(bytes);
      first = false;
      return taken.promise.then(() => taker.write(bytes));
    },
  };
  const log = new ProcessLog({ level: "info", format: "json" }, sink);
  const view = log.view({ metrics: () => Promise.resolve([]) } as Partial<View> as View);
  for (let line = 0; line < 3; line++) log.work.info("session ended", { text: "x".repeat(500_000) });
  const [metric] = await view.metrics();
  assertEquals(metric, {
    name: "micss_log_lines_dropped_total",
    help: "Log lines that standard error did not take in time.",
    type: "counter",
    samples: [{ value: 1 }],
  });
  taken.resolve(0);
  await log[Symbol.asyncDispose]();
  const events = taker.text.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(events.map(({ event, lines }) => [event, lines]), [
    ["session ended", undefined],
    ["session ended", undefined],
    ["log lines dropped", 1],
  ]);
});
