/** Messages to the service manager, with a fake clock. */
import { assertEquals } from "@std/assert";
import { createLog, silentLog } from "../../src/log/log.ts";
import { NO_MANAGER, ServiceManager, systemManager, watchdogOf } from "../../src/observe/notify.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

class Scene {
  readonly clock = new FakeClock();
  readonly heard: string[] = [];
  readonly lines: string[] = [];
  readonly manager: ServiceManager;
  deaf = false;

  constructor(watchdog?: number, alive?: () => Promise<void>) {
    this.manager = new ServiceManager({
      send: (message) => {
        if (this.deaf) throw new Deno.errors.NotSupported("no such socket");
        this.heard.push(message);
      },
      log: createLog({ write: (line) => this.lines.push(line), now: () => new Date(0) }),
      clock: this.clock,
      monotonic: () => 1_234_567n,
      watchdog,
      alive,
    });
  }
}

Deno.test("reports readiness, a reload with its time, and a shutdown with its extended time-out", () => {
  const { manager, heard } = new Scene();
  manager.ready("Ready");
  manager.reloading();
  manager.ready("Ready, as before: micss: f:1: a\nb");
  manager.stopping(30_000);
  assertEquals(heard, [
    "READY=1\nSTATUS=Ready",
    "RELOADING=1\nMONOTONIC_USEC=1234567\nSTATUS=Reloading",
    "READY=1\nSTATUS=Ready, as before: micss: f:1: a b",
    "STOPPING=1\nEXTEND_TIMEOUT_USEC=35000000\nSTATUS=Draining sessions",
  ]);
});

Deno.test("feeds the watchdog at twice the required rate, from start to end, across reloads", async () => {
  const { manager, heard, clock } = new Scene(10_000);
  assertEquals(clock.pending, 0);
  manager.ready("Ready");
  await clock.advance(4_999);
  assertEquals(heard.filter((message) => message === "WATCHDOG=1").length, 1);
  manager.ready("Ready");
  await clock.advance(15_001);
  assertEquals(heard.filter((message) => message === "WATCHDOG=1").length, 5);
  manager[Symbol.dispose]();
  assertEquals(clock.pending, 0);
});

Deno.test("an unreachable manager gets one warning, and the process goes on", () => {
  const scene = new Scene();
  scene.deaf = true;
  scene.manager.ready("Ready");
  scene.manager.reloading();
  assertEquals(scene.lines, [
    '1970-01-01T00:00:00.000Z warn  service manager not notified reason="NotSupported: no such socket"',
  ]);
});

Deno.test("the watchdog is for the named process only, and off without a time", () => {
  assertEquals(watchdogOf("30000000", undefined, 7), 30_000);
  assertEquals(watchdogOf("30000000", "7", 7), 30_000);
  assertEquals(watchdogOf("30000000", "8", 7), undefined);
  assertEquals(watchdogOf(undefined, "7", 7), undefined);
  assertEquals(watchdogOf("0", undefined, 7), undefined);
  assertEquals(watchdogOf("soon", undefined, 7), undefined);
});

Deno.test("without a manager nothing is sent", () => {
  assertEquals(systemManager(() => undefined, silentLog), NO_MANAGER);
});

Deno.test("the watchdog is not fed while a worker hangs", async () => {
  let answer = () => Promise.resolve();
  const { manager, heard, clock } = new Scene(10_000, () => answer());
  manager.ready("Ready");
  await clock.advance(5_000);
  assertEquals(heard.filter((message) => message === "WATCHDOG=1").length, 2);
  const hung = Promise.withResolvers<void>();
  answer = () => hung.promise;
  await clock.advance(10_000);
  assertEquals(heard.filter((message) => message === "WATCHDOG=1").length, 2);
  answer = () => Promise.reject(new Error("worker 1: it has failed"));
  await clock.advance(5_000);
  assertEquals(heard.filter((message) => message === "WATCHDOG=1").length, 2);
});
