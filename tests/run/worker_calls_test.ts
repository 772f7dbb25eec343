import { assertEquals, assertRejects } from "@std/assert";
import { UsageError } from "../../src/config/problems.ts";
import { StartError } from "../../src/net/listen/listen.ts";
import { Inconclusive } from "../../src/observe/readiness.ts";
import { Caller, type LogLine, type Port, serveCalls, type WorkerMethods } from "../../src/run/worker_calls.ts";

/** Connects a caller to the methods of a worker, in one thread. */
function connected(
  methods: Partial<WorkerMethods>,
): { caller: Caller; lines: LogLine[]; say: (line: LogLine) => void; end(): void } {
  const { port1, port2 } = new MessageChannel();
  const lines: LogLine[] = [];
  let say: (line: LogLine) => void = () => {};
  serveCalls(port2 as Port, (given) => {
    say = given;
    return methods as WorkerMethods;
  });
  const end = () => {
    port1.close();
    port2.close();
  };
  const caller = new Caller(port1 as Port, (line) => lines.push(line));
  return { caller, lines, say: (line) => say(line), end };
}

Deno.test("each call gets its own method's result, in any order", async () => {
  const gate = Promise.withResolvers<void>();
  const { caller, end } = connected({
    idle: () => gate.promise,
    reload: () => Promise.resolve({ restartNeeded: ["pads"], checks: [{ name: "server web", need: "any" }] }),
  });
  const idle = caller.call("idle");
  assertEquals(await caller.call("reload"), { restartNeeded: ["pads"], checks: [{ name: "server web", need: "any" }] });
  gate.resolve();
  assertEquals(await idle, undefined);
  end();
});

Deno.test("UsageError, StartError and Inconclusive keep their class across a call", async () => {
  const { caller, end } = connected({
    prepare: () => Promise.reject(new UsageError(["one", "two"])),
    start: () => Promise.reject(new StartError("can't listen")),
    check: (name) => Promise.reject(new TypeError(name)),
    alive: () => Promise.reject(new Inconclusive("not from here")),
  });
  assertEquals((await assertRejects(() => caller.call("prepare"), UsageError)).lines, ["one", "two"]);
  await assertRejects(() => caller.call("start", undefined as never), StartError, "can't listen");
  await assertRejects(() => caller.call("check", "server web"), Error, "server web");
  await assertRejects(() => caller.call("alive"), Inconclusive, "not from here");
  end();
});

Deno.test("log lines arrive in order, before the answer to a later call", async () => {
  const { caller, lines, say, end } = connected({ alive: () => Promise.resolve() });
  say(["info", "session", { port: 80 }]);
  say(["warn", "session reset", {}]);
  await caller.call("alive");
  assertEquals(lines, [["info", "session", { port: 80 }], ["warn", "session reset", {}]]);
  end();
});

Deno.test("pending calls reject with the error of a failed worker", async () => {
  const { caller, end } = connected({ idle: () => new Promise(() => {}) });
  const idle = caller.call("idle");
  caller.fail(new Error("worker 1: out of memory"));
  await assertRejects(() => idle, Error, "worker 1: out of memory");
  end();
});
