/** How a handler is run until a signal ends it, with signals that the test sends. */
import { assertEquals } from "@std/assert";
import { type Reloaded, type Running, runUntilSignal } from "../../src/run/lifetime.ts";
import { type Handler } from "../../src/run/program.ts";
import type { Signals } from "../../src/run/signals.ts";
import { UsageError } from "../../src/config/problems.ts";
import { createLog } from "../../src/log/log.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";

/** A handler that runs, and all that was done to it. */
class Run implements Signals {
  readonly clock = new FakeClock();
  readonly lines: Record<string, unknown>[] = [];
  readonly done: string[] = [];
  readonly status: Promise<number>;
  readonly #idle = Promise.withResolvers<void>();
  readonly #come: Deno.Signal[] = [];
  #wake = () => {};

  constructor(running: Partial<Running> = {}) {
    const handler: Handler = {
      stopListening: () => void this.done.push("stopListening"),
      idle: () => this.#idle.promise,
      close: () => Promise.resolve(void this.done.push("close")),
    };
    const log = createLog({
      format: "json",
      write: (line) => this.lines.push(JSON.parse(line)),
      now: () => new Date(0),
    });
    this.status = runUntilSignal(handler, log, this, {
      reload: () => Promise.resolve({ changed: [], left: [] }),
      drain: () => 30_000,
      hungUp: () => false,
      clock: this.clock,
      ...running,
    });
  }

  async next(): Promise<Deno.Signal> {
    while (this.#come.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#come.shift()!;
  }

  /** The last session ends. */
  finish(): void {
    this.#idle.resolve();
  }

  async send(signal: Deno.Signal): Promise<void> {
    this.#come.push(signal);
    this.#wake();
    await settle();
  }

  /** What the log says, without the time. */
  get said(): unknown[] {
    return this.lines.map(({ time: _, ...line }) => line);
  }
}

const ENDING = { level: "info", event: "ending", signal: "SIGTERM", "drain-ms": 30_000 };

Deno.test("a handler whose sessions finish in time ends with 0", async () => {
  const run = new Run();
  await run.send("SIGTERM");
  assertEquals(run.done, ["stopListening"]);
  await run.clock.advance(29_999);
  run.finish();
  assertEquals([await run.status, run.done, run.clock.pending], [0, ["stopListening", "close"], 0]);
  assertEquals(run.said, [ENDING, { level: "info", event: "ended", drained: true }]);
});

Deno.test("the deadline resets what is left and ends with 1", async () => {
  const run = new Run();
  await run.send("SIGTERM");
  await run.clock.advance(30_000);
  assertEquals([await run.status, run.done], [1, ["stopListening", "close"]]);
  assertEquals(run.said, [
    ENDING,
    { level: "info", event: "ended", drained: false, "cut-short-by": "the deadline" },
  ]);
});

Deno.test("a second signal ends at once, with 1; SIGHUP is none", async () => {
  const run = new Run({ reload: () => Promise.reject(new Error("not asked for")) });
  await run.send("SIGTERM");
  await run.send("SIGHUP");
  assertEquals(run.done, ["stopListening"]);
  await run.send("SIGINT");
  assertEquals([await run.status, run.done, run.clock.pending], [1, ["stopListening", "close"], 0]);
  assertEquals(run.said, [
    ENDING,
    { level: "info", event: "ended", drained: false, "cut-short-by": "a second signal" },
  ]);
});

Deno.test("SIGHUP reloads, as often as it comes, and what takes another start is told in a line", async () => {
  const found = [
    { changed: [], left: [] },
    { changed: ["targets", "timeouts.connect"], left: [] },
    { changed: ["limits.waiting"], left: ["channels", "pads"] },
  ];
  const run = new Run({ reload: () => Promise.resolve(found.shift()!) });
  await run.send("SIGHUP");
  await run.send("SIGHUP");
  await run.send("SIGHUP");
  assertEquals(run.said, [
    { level: "info", event: "reloaded", changed: "nothing" },
    { level: "info", event: "reloaded", changed: "targets,timeouts.connect" },
    { level: "warn", event: "reloaded", changed: "limits.waiting", "restart-needed": "channels,pads" },
  ]);
  assertEquals(run.done, []);
  run.finish();
  await run.send("SIGTERM");
  assertEquals(await run.status, 0);
});

Deno.test("a file that is wrong, or whatever else fails, is told in a line for each mistake, and all goes on", async () => {
  const errors = [new UsageError(["micss: f:1: wrong", "micss: f:2: wrong, too"]), new Error("oops")];
  const run = new Run({ reload: () => Promise.reject(errors.shift()) });
  await run.send("SIGHUP");
  await run.send("SIGHUP");
  assertEquals(run.said, [
    { level: "error", event: "not reloaded", reason: "micss: f:1: wrong" },
    { level: "error", event: "not reloaded", reason: "micss: f:2: wrong, too" },
    { level: "error", event: "not reloaded", reason: "oops" },
  ]);
  run.finish();
  await run.send("SIGTERM");
  assertEquals(await run.status, 0);
});

Deno.test("signals that come while a reload is under way wait for its end", async () => {
  const reload = Promise.withResolvers<Reloaded>();
  const run = new Run({ reload: () => reload.promise });
  await run.send("SIGHUP");
  await run.send("SIGTERM");
  assertEquals(run.done, []);
  run.finish();
  reload.resolve({ changed: [], left: [] });
  assertEquals([await run.status, run.lines.map(({ event }) => event)], [0, ["reloaded", "ending", "ended"]]);
});

Deno.test("SIGHUP of a terminal that has gone ends a handler", async () => {
  const run = new Run({ hungUp: () => true });
  run.finish();
  await run.send("SIGHUP");
  assertEquals([await run.status, run.lines[0]!.signal], [0, "SIGHUP"]);
});

Deno.test("the deadline is the one that was loaded last", async () => {
  let drain = 30_000;
  const run = new Run({
    reload: () => {
      drain = 1000;
      return Promise.resolve({ changed: [], left: [] });
    },
    drain: () => drain,
  });
  await run.send("SIGHUP");
  await run.send("SIGTERM");
  await run.clock.advance(1000);
  assertEquals(await run.status, 1);
});
