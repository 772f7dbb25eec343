/** SIGTERM and its consequences, with real processes. */
import { assert, assertEquals } from "@std/assert";
import { type Address, parseAddress } from "../../src/net/address.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { systemNetwork } from "../../src/net/system/tcp.ts";
import { type Handler, micssCommand } from "../support/handlers/handlers.ts";
import { bounded, PATIENCE, Program, run } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";
import { connect, drain, pattern, readExactly, sha256, Target } from "../support/programs/tcp.ts";
import { CURL } from "./core.ts";
import { Download, PATIENT, startFromFiles } from "./signals.ts";

for (const role of ["server", "client"] as const) {
  testWith(["curl"], `a ${role} handler on SIGTERM lets a download finish, and accepts no other`, async () => {
    await using pair = await startFromFiles();
    await using download = await Download.begin(pair.entries[0], pair.targets[0], pair);
    pair[role].signal("SIGTERM");
    await pair[role].waitForLog("ending");
    await assertRefused(`http://${pair.entries[0]}/`);
    await download.finish();
    assertEquals(await ended(pair[role]), 0, pair.describe());
    assertEquals(pair[role].logged("ended", { drained: true }).length, 1);
  });

  Deno.test(`a ${role} handler resets unfinished sessions at the deadline, and exits with a status for that`, async () => {
    const soon = "timeouts: {drain: 300ms}";
    await using pair = await startFromFiles(soon, soon);
    using session = await openSession(pair.entries[0], pair.targets[0], pair);
    pair[role].signal("SIGTERM");
    const endings = Promise.all([drain(session.application), drain(session.served), ended(pair[role])]);
    const [application, served, status] = await endings;
    assertEquals([application.ending, served.ending, status], ["reset", "reset", 1], pair.describe());
    assertEquals(pair[role].logged("ended", { drained: false, "cut-short-by": "the deadline" }).length, 1);
  });

  Deno.test(`a second signal ends a ${role} handler immediately`, async () => {
    await using pair = await startFromFiles();
    using session = await openSession(pair.entries[0], pair.targets[0], pair);
    pair[role].signal("SIGTERM");
    await pair[role].waitForLog("ending", { "drain-ms": 30_000 });
    pair[role].signal("SIGINT");
    const [application, status] = await Promise.all([drain(session.application), ended(pair[role])]);
    assertEquals([application.ending, status], ["reset", 1], pair.describe());
    assertEquals(pair[role].logged("ended", { "cut-short-by": "a second signal" }).length, 1);
  });
}

Deno.test("replacing a server handler under traffic breaks no session", async () => {
  await using pair = await startFromFiles("", PATIENT);
  using _echo = new Echo(parseAddress(pair.targets[0]));
  const entry = parseAddress(pair.entries[0]);
  const counts = { whole: 0, reset: 0 };
  let going = true;
  const talk = async () => {
    while (going) counts[await bounded(exchange(entry), () => `a session's end\n${pair.describe()}`)]++;
  };
  const loops = Array.from({ length: 8 }, talk);
  const wholeSince = async (before: number, count: number) => {
    while (counts.whole - before < count) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  await bounded(wholeSince(0, 40), () => `40 sessions\n${pair.describe()}`);
  assertEquals(counts.reset, 0);

  // A session that outlives the first server handler's last new one.
  using long = await connect(entry);
  await writeAll(long, pattern(5000));
  await readExactly(long, 5000);
  pair.server.signal("SIGTERM");
  await pair.server.waitForLog("ending");
  // The draining handler has closed its listener, so another one can listen while this session continues.
  const next = await pair.restart();
  await bounded(wholeSince(counts.whole, 40), () => `40 sessions more\n${next.describe()}`);
  await writeAll(long, pattern(5000));
  await readExactly(long, 5000);
  await long.closeWrite();
  assertEquals((await drain(long)).ending, "end");
  assertEquals(await ended(pair.server), 0, pair.server.describe());

  await bounded(wholeSince(counts.whole, 40), () => `40 sessions after the end\n${next.describe()}`);
  assertEquals(counts.reset, 0, `${pair.describe()}\n${next.describe()}`);
  going = false;

  await Promise.all(loops);
});

/** Runs a command in its own terminal, which closes at SIGTERM; exits with the command's status. */
const TERMINAL = `
import os, pty, signal, sys
errors = os.dup(2)
pid, terminal = pty.fork()
if pid == 0:
    os.dup2(errors, 2)
    os.execvp(sys.argv[1], sys.argv[1:])
signal.signal(signal.SIGTERM, lambda *_: os.close(terminal))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

testWith(["python3"], "a handler exits in order when its terminal closes", async () => {
  const flags = ["--channel=127.0.0.1:0", "--channel=127.0.0.2:0", "--target=80=127.0.0.1", "--log-format=json"];
  const command = ["python3", "-c", TERMINAL, ...await micssCommand(), "server", ...flags];
  await using terminal = Program.start(command, { cwd: new URL("../../", import.meta.url).pathname });
  await terminal.waitForLine(/"event":"ready"/);
  assertEquals(await terminal.stop("SIGTERM", PATIENCE), 0, terminal.describe());
  await terminal.waitForLine(/"event":"ending","signal":"SIGHUP"/);
});

/** Opens a session whose two ends the test holds. */
async function openSession(
  entry: string,
  at: string,
  pair: { describe(): string },
): Promise<{ application: Connection; served: Connection } & Disposable> {
  using opening = new DisposableStack();
  const target = opening.use(new Target(parseAddress(at)));
  const application = opening.use(await connect(parseAddress(entry)));
  const served = await target.accept(pair);
  await writeAll(application, pattern(100));
  await readExactly(served, 100);
  const opened = opening.move();
  return { application, served, [Symbol.dispose]: () => opened.dispose() };
}

function ended(handler: Handler): Promise<number> {
  return bounded(handler.exited, () => `the end of ${handler.describe()}`);
}

/** curl's exit statuses for failures to connect, to send and to receive. */
const FAILURES = [7, 55, 56];

/** Asserts that nothing is accepted: a draining client handler does not listen, one whose server drains resets. */
async function assertRefused(url: string): Promise<void> {
  const { code, stderr } = await run([...CURL, url], { mayFail: true });
  assert(FAILURES.includes(code), `curl ended with ${code}: ${stderr}`);
}

/** A short session with an {@linkcode Echo}: a request, an answer, and both ENDs. */
async function exchange(entry: Address): Promise<"whole" | "reset"> {
  const request = pattern(1000);
  try {
    using application = await connect(entry);
    await writeAll(application, request);
    await application.closeWrite();
    const { ending, bytes, ...received } = await drain(application);
    if (ending === "reset") return "reset";
    assertEquals([bytes, received.sha256], [request.length, sha256(request)]);
    return "whole";
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe) return "reset";
    throw error;
  }
}

/** A target that echoes each read. */
class Echo implements Disposable {
  readonly #listener;
  readonly #open = new Set<Connection>();

  constructor(at: Address) {
    this.#listener = systemNetwork.listen(at);
    this.#accept();
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    for (const connection of this.#open) connection.reset();
  }

  async #accept(): Promise<void> {
    for (let next = await this.#listener.accept(); next !== null; next = await this.#listener.accept()) {
      const connection = next;
      this.#open.add(connection);
      echo(connection).catch(() => connection.reset()).finally(() => this.#open.delete(connection));
    }
  }
}

async function echo(connection: Connection): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (let length = await connection.read(buffer); length !== null; length = await connection.read(buffer)) {
    await writeAll(connection, buffer.subarray(0, length));
  }
  connection.close();
}
