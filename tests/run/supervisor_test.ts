/** Workers that the test plays, as the main event loop runs them. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Supervisor, type WorkerHandle } from "../../src/run/supervisor.ts";
import { UsageError } from "../../src/config/problems.ts";
import { StartError } from "../../src/net/listen/listen.ts";
import { NotLookedAt } from "../../src/observe/readiness.ts";
import { createLog } from "../../src/log/log.ts";
import { type Duties, type Line, type Port, serve, type Start } from "../../src/run/calls.ts";

/** A worker in this thread. */
class Played implements WorkerHandle {
  readonly done: string[] = [];
  readonly port: Port;
  onerror: ((event: ErrorEvent) => void) | null = null;
  terminated = false;
  start: Start | undefined;
  say: (line: Line) => void = () => {};
  readonly #channel = new MessageChannel();

  constructor(duties: Partial<Duties> = {}) {
    this.port = this.#channel.port1 as Port;
    const did = (name: string) => () => {
      this.done.push(name);
      return Promise.resolve();
    };
    serve(this.#channel.port2 as Port, (say) => {
      this.say = say;
      return {
        start: (start) => {
          this.start = start;
          return Promise.resolve({
            listening: { at: `worker ${start.index}` },
            checks: [{ name: "server web", need: "any" }],
          });
        },
        reload: () => Promise.resolve({ left: ["pads"], checks: [{ name: "server other", need: "any" }] }),
        ...Object.fromEntries(["stopListening", "idle", "close", "prepare", "alive"].map((name) => [name, did(name)])),
        check: (name) => did(`check ${name}`)(),
        ...duties,
      } as Duties;
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

  /** Fails as a worker does whose code throws. @returns Whether the main event loop took it for handled. */
  fail(message: string): boolean {
    const event = new ErrorEvent("error", { message, cancelable: true });
    this.onerror?.(event);
    return event.defaultPrevented;
  }
}

/** Starts a crew of these. */
async function start(...played: Played[]): Promise<{ group: Supervisor; lines: Record<string, unknown>[] }> {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ format: "json", write: (line) => lines.push(JSON.parse(line)), now: () => new Date(0) });
  const left = [...played];
  const spawn = () => left.shift()!;
  const group = await Supervisor.start({ command: "server", args: ["--x"], count: played.length, log, spawn });
  return { group, lines };
}

Deno.test("each worker is told its number and what all have in common; the first says where they listen", async () => {
  const played = [new Played(), new Played(), new Played()];
  const { group } = await start(...played);
  assertEquals(group.listening, { at: "worker 0" });
  assertEquals(played.map(({ start }) => start!.index), [0, 1, 2]);
  assertEquals(played.map(({ start }) => [start!.command, start!.args.join()]), Array(3).fill(["server", "--x"]));
  const [first, second] = played.map(({ start }) => start!.memory);
  assertEquals([second!.count, second!.id], [3, first!.id]);
  Atomics.add(first!.carried, 0, 7);
  assertEquals(Atomics.load(second!.carried, 0), 7);
  await group.close();
  assert(played.every(({ terminated }) => terminated));
});

Deno.test("where one can't start, none is left, and the reason is what it said", async () => {
  const broken = new Played({ start: () => Promise.reject(new StartError("can't listen at 192.0.2.1:6523: taken")) });
  const played = [new Played(), broken, new Played()];
  await assertRejects(() => start(...played), StartError, "can't listen at 192.0.2.1:6523: taken");
  assert(played.every(({ terminated }) => terminated));
  const first = new Played({ start: () => Promise.reject(new StartError("no")) }), second = new Played();
  await assertRejects(() => start(first, second), StartError);
  assertEquals(second.start, undefined);
});

Deno.test("listening ends everywhere, all have to be idle, and all are closed", async () => {
  const busy = Promise.withResolvers<void>();
  const played = [new Played(), new Played({ idle: () => busy.promise })];
  const { group } = await start(...played);
  group.stopListening();
  let idle = false;
  const waiting = group.idle().then(() => idle = true);
  await group.alive();
  assertEquals(idle, false);
  busy.resolve();
  await waiting;
  await group.close();
  assertEquals(played.map(({ done }) => done), [
    ["stopListening", "idle", "alive", "close"],
    ["stopListening", "alive", "close"],
  ]);
});

Deno.test("a reload is taken by all, or by none where one can't read it", async () => {
  const played = [new Played(), new Played()];
  const { group } = await start(...played);
  assertEquals(group.checks().map(({ name }) => name), ["server web"]);
  assertEquals(await group.reload(), ["pads"]);
  assertEquals(group.checks().map(({ name }) => name), ["server other"]);
  await group.close();

  let reloaded = 0;
  const reload = () => Promise.resolve({ left: [], checks: [{ name: `${reloaded++}`, need: "any" as const }] });
  const wrong = new Played({ reload, prepare: () => Promise.reject(new UsageError(["line 3: no"])) });
  const other = await start(new Played({ reload }), wrong);
  const error = await assertRejects(() => other.group.reload(), UsageError);
  assertEquals([error.lines, reloaded], [["line 3: no"], 0]);
  await other.group.close();
});

Deno.test("something is in place when it is in every worker", async () => {
  const blind = new Played({ check: () => Promise.reject(new NotLookedAt("not from here")) });
  const lacking = new Played({ check: () => Promise.reject(new Error("channel 2: refused")) });
  const { group } = await start(new Played(), blind, lacking);
  await assertRejects(async () => await group.checks()[0]!.run(), Error, "channel 2: refused");
  await group.close();
});

Deno.test("lines have the number of their worker", async () => {
  const played = [new Played(), new Played()];
  const { group, lines } = await start(...played);
  played[1]!.say(["warn", "session reset", { session: 3 }]);
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

Deno.test("a worker that fails is the end of all: whoever waits is told which it was", async () => {
  const played = [new Played(), new Played({ idle: () => new Promise(() => {}) })];
  const { group } = await start(...played);
  const idle = assertRejects(() => group.idle(), Error, "worker 1: Uncaught Error: x");
  assert(played[1]!.fail("Uncaught Error: x"));
  await assertRejects(() => group.failed, Error, "worker 1: Uncaught Error: x");
  await idle;
  for (const one of played) one.terminate();
});
