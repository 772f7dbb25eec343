/** runUntilSignal with a fake handler and signals that the test sends. */
import { assertEquals } from "@std/assert";
import { type Reloaded, type RunOptions, runUntilSignal } from "../../src/run/lifetime.ts";
import { type Handler } from "../../src/run/program.ts";
import type { Signals } from "../../src/run/signals.ts";
import { UsageError } from "../../src/config/problems.ts";
import { createLog } from "../../src/log/log.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";

/** Runs a fake handler and records the calls to it. */
class Run implements Signals {
  readonly clock = new FakeClock();
  readonly lines: Record<string, unknown>[] = [];
  readonly done: string[] = [];
  readonly status: Promise<number>;
  readonly #idle = Promise.withResolvers<void>();
  readonly #pending: Deno.Signal[] = [];
  #wake = () => {};

  constructor(options: Partial<RunOptions> = {}) {
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
      reload: () => Promise.resolve({ changed: [], restartNeeded: [] }),
      drain: () => 30_000,
      terminalGone: () => false,
      clock: this.clock,
      ...options,
    });
  }

  async next(): Promise<Deno.Signal> {
    while (this.#pending.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#pending.shift()!;
  }

  /** Ends the last session. */
  finish(): void {
    this.#idle.resolve();
  }

  async send(signal: Deno.Signal): Promise<void> {
    this.#pending.push(signal);
    this.#wake();
    await settle();
  }

  /** Log lines without their time. */
  get said(): unknown[] {
    return this.lines.map(({ time: _, ...line }) => line);
  }
}

const ENDING = { level: "info", event: "ending", signal: "SIGTERM", "drain-ms": 30_000 };

Deno.test("a handler whose sessions finish in time exits 0", async () => {
  const run = new Run();
  await run.send("SIGTERM");
  assertEquals(run.done, ["stopListening"]);
  await run.clock.advance(29_999);
  run.finish();
  assertEquals([await run.status, run.done, run.clock.pending], [0, ["stopListening", "close"], 0]);
  assertEquals(run.said, [ENDING, { level: "info", event: "ended", drained: true }]);
});

Deno.test("at the deadline, remaining sessions are reset and the handler exits 1", async () => {
  const run = new Run();
  await run.send("SIGTERM");
  await run.clock.advance(30_000);
  assertEquals([await run.status, run.done], [1, ["stopListening", "close"]]);
  assertEquals(run.said, [
    ENDING,
    { level: "info", event: "ended", drained: false, "cut-short-by": "the deadline" },
  ]);
});

Deno.test("a second signal other than SIGHUP ends the handler immediately, and it exits 1", async () => {
  const run = new Run({ reload: () => Promise.reject(new Error("unexpected reload")) });
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

Deno.test("each SIGHUP reloads, and settings that need a restart are logged", async () => {
  const found = [
    { changed: [], restartNeeded: [] },
    { changed: ["targets", "timeouts.connect"], restartNeeded: [] },
    { changed: ["limits.waiting"], restartNeeded: ["channels", "pads"] },
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

Deno.test("each mistake of a failed reload is logged, and the handler goes on", async () => {
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

Deno.test("signals during a reload wait for its end", async () => {
  const reload = Promise.withResolvers<Reloaded>();
  const run = new Run({ reload: () => reload.promise });
  await run.send("SIGHUP");
  await run.send("SIGTERM");
  assertEquals(run.done, []);
  run.finish();
  reload.resolve({ changed: [], restartNeeded: [] });
  assertEquals([await run.status, run.lines.map(({ event }) => event)], [0, ["reloaded", "ending", "ended"]]);
});

Deno.test("SIGHUP ends a handler whose terminal has gone", async () => {
  const run = new Run({ terminalGone: () => true });
  run.finish();
  await run.send("SIGHUP");
  assertEquals([await run.status, run.lines[0]!.signal], [0, "SIGHUP"]);
});

Deno.test("the deadline is that of the current configuration", async () => {
  let drain = 30_000;
  const run = new Run({
    reload: () => {
      drain = 1000;
      return Promise.resolve({ changed: [], restartNeeded: [] });
    },
    drain: () => drain,
  });
  await run.send("SIGHUP");
  await run.send("SIGTERM");
  await run.clock.advance(1000);
  assertEquals(await run.status, 1);
});
