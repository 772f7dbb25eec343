/** The supervisor with fake workers. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Supervisor, type WorkerHandle } from "../../src/run/supervisor.ts";
import { UsageError } from "../../src/config/problems.ts";
import { StartError } from "../../src/net/listen/listen.ts";
import { Inconclusive } from "../../src/observe/readiness.ts";
import { createLog } from "../../src/log/log.ts";
import {
  type LogLine,
  type Port,
  serveCalls,
  type WorkerMethods,
  type WorkerStart,
} from "../../src/run/worker_calls.ts";

/** A fake worker, in this thread. */
class FakeWorker implements WorkerHandle {
  readonly done: string[] = [];
  readonly port: Port;
  onerror: ((event: ErrorEvent) => void) | null = null;
  terminated = false;
  start: WorkerStart | undefined;
  say: (line: LogLine) => void = () => {};
  readonly #channel = new MessageChannel();

  constructor(duties: Partial<WorkerMethods> = {}) {
    this.port = this.#channel.port1 as Port;
    const did = (name: string) => () => {
      this.done.push(name);
      return Promise.resolve();
    };
    serveCalls(this.#channel.port2 as Port, (say) => {
      this.say = say;
      return {
        start: (start) => {
          this.start = start;
          return Promise.resolve({
            listening: { at: `worker ${start.index}` },
            checks: [{ name: "server web", need: "any" }],
          });
        },
        reload: () => Promise.resolve({ restartNeeded: ["pads"], checks: [{ name: "server other", need: "any" }] }),
        ...Object.fromEntries(["stopListening", "idle", "close", "prepare", "alive"].map((name) => [name, did(name)])),
        check: (name) => did(`check ${name}`)(),
        ...duties,
      } as WorkerMethods;
    });
  }

  get onmessage() {
    return this.port.onmessage;
  }

  set onmessage(listener) {
    this.port.onmessage = listener;
  }

  postMessage(message: unknown): void {
    this.port.postMessage(message);
  }

  terminate(): void {
    this.terminated = true;
    this.#channel.port1.close();
    this.#channel.port2.close();
  }

  /** Fails as a worker with an uncaught error. @returns Whether the supervisor handled the event. */
  fail(message: string): boolean {
    const event = new ErrorEvent("error", { message, cancelable: true });
    this.onerror?.(event);
    return event.defaultPrevented;
  }
}

/** Starts a supervisor with these workers. */
async function start(...workers: FakeWorker[]): Promise<{ group: Supervisor; lines: Record<string, unknown>[] }> {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ format: "json", write: (line) => lines.push(JSON.parse(line)), now: () => new Date(0) });
  const remaining = [...workers];
  const spawn = () => remaining.shift()!;
  const group = await Supervisor.start({ command: "server", args: ["--x"], count: workers.length, log, spawn });
  return { group, lines };
}

Deno.test("each worker gets its number and the shared memory; the first one reports where they listen", async () => {
  const workers = [new FakeWorker(), new FakeWorker(), new FakeWorker()];
  const { group } = await start(...workers);
  assertEquals(group.listening, { at: "worker 0" });
  assertEquals(workers.map(({ start }) => start!.index), [0, 1, 2]);
  assertEquals(workers.map(({ start }) => [start!.command, start!.args.join()]), Array(3).fill(["server", "--x"]));
  const [first, second] = workers.map(({ start }) => start!.memory);
  assertEquals([second!.count, second!.id], [3, first!.id]);
  Atomics.add(first!.sessions, 0, 7);
  assertEquals(Atomics.load(second!.sessions, 0), 7);
  await group.close();
  assert(workers.every(({ terminated }) => terminated));
});

Deno.test("when a worker can't start, all are ended and its error is thrown", async () => {
  const broken = new FakeWorker({
    start: () => Promise.reject(new StartError("can't listen at 192.0.2.1:6523: taken")),
  });
  const workers = [new FakeWorker(), broken, new FakeWorker()];
  await assertRejects(() => start(...workers), StartError, "can't listen at 192.0.2.1:6523: taken");
  assert(workers.every(({ terminated }) => terminated));
  const first = new FakeWorker({ start: () => Promise.reject(new StartError("no")) }), second = new FakeWorker();
  await assertRejects(() => start(first, second), StartError);
  assertEquals(second.start, undefined);
});

Deno.test("all workers stop listening, become idle and are closed", async () => {
  const busy = Promise.withResolvers<void>();
  const workers = [new FakeWorker(), new FakeWorker({ idle: () => busy.promise })];
  const { group } = await start(...workers);
  group.stopListening();
  let idle = false;
  const waiting = group.idle().then(() => idle = true);
  await group.alive();
  assertEquals(idle, false);
  busy.resolve();
  await waiting;
  await group.close();
  assertEquals(workers.map(({ done }) => done), [
    ["stopListening", "idle", "alive", "close"],
    ["stopListening", "alive", "close"],
  ]);
});

Deno.test("a reload applies to all workers, or to none if one rejects it", async () => {
  const workers = [new FakeWorker(), new FakeWorker()];
  const { group } = await start(...workers);
  assertEquals(group.checks().map(({ name }) => name), ["server web"]);
  assertEquals(await group.reload(), ["pads"]);
  assertEquals(group.checks().map(({ name }) => name), ["server other"]);
  await group.close();

  let reloaded = 0;
  const reload = () =>
    Promise.resolve({ restartNeeded: [], checks: [{ name: `${reloaded++}`, need: "any" as const }] });
  const wrong = new FakeWorker({ reload, prepare: () => Promise.reject(new UsageError(["line 3: no"])) });
  const other = await start(new FakeWorker({ reload }), wrong);
  const error = await assertRejects(() => other.group.reload(), UsageError);
  assertEquals([error.lines, reloaded], [["line 3: no"], 0]);
  await other.group.close();
});

Deno.test("a check passes only if it passes in every worker", async () => {
  const blind = new FakeWorker({ check: () => Promise.reject(new Inconclusive("not from here")) });
  const lacking = new FakeWorker({ check: () => Promise.reject(new Error("channel 2: refused")) });
  const { group } = await start(new FakeWorker(), blind, lacking);
  await assertRejects(async () => await group.checks()[0]!.run(), Error, "channel 2: refused");
  await group.close();
});

Deno.test("log lines have the number of their worker", async () => {
  const workers = [new FakeWorker(), new FakeWorker()];
  const { group, lines } = await start(...workers);
  workers[1]!.say(["warn", "session reset", { session: 3 }]);
  await group.alive();
  assertEquals(lines, [{
    time: "1970-01-01T00:00:00.000Z",
    level: "warn",
    event: "session reset",
    worker: 1,
    session: 3,
  }]);
  await group.close();
});

Deno.test("a failed worker ends all, and pending calls reject with its number", async () => {
  const workers = [new FakeWorker(), new FakeWorker({ idle: () => new Promise(() => {}) })];
  const { group } = await start(...workers);
  const idle = assertRejects(() => group.idle(), Error, "worker 1: Uncaught Error: x");
  assert(workers[1]!.fail("Uncaught Error: x"));
  await assertRejects(() => group.failed, Error, "worker 1: Uncaught Error: x");
  await idle;
  for (const one of workers) one.terminate();
});
