/** Handlers with several workers, as real processes: traffic, signals, metrics, and occupied ports. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Address, formatAddress } from "../../src/net/address.ts";
import { acceptAll } from "../../src/net/listen/accept_loop.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { systemNetwork } from "../../src/net/system/tcp.ts";
import type { Status } from "../../src/observe/status.ts";
import { Handler, micssCommand, startClient, startServer } from "../support/handlers/handlers.ts";
import { makeTopology } from "../support/system/namespaces.ts";
import { bounded, makeTempDir, run } from "../support/programs/process.ts";
import { freePort, freePorts, testWith } from "../support/programs/programs.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { connect, drain, pattern, readExactly } from "../support/programs/tcp.ts";
import { CURL } from "./core.ts";

const HOSTS = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];

/** Enough sessions that each of two workers of a client gets one, except once in eight million tries. */
const MANY = 24;

/** Echoes each read after a byte that identifies the echo. */
class Echo implements AsyncDisposable {
  readonly #listener = systemNetwork.listen({ host: "127.0.0.1", port: 0 });
  readonly #open = new Set<Connection>();
  readonly #accepting: Promise<void>;

  constructor(mark: number) {
    this.#accepting = acceptAll(this.#listener, (connection) => {
      this.#open.add(connection);
      this.#serve(connection, mark).catch(() => connection.reset());
    });
  }

  get address(): string {
    return formatAddress(this.#listener.address);
  }

  async #serve(connection: Connection, mark: number): Promise<void> {
    await writeAll(connection, Uint8Array.of(mark));
    const buffer = new Uint8Array(65_536);
    for (let length = await connection.read(buffer); length !== null; length = await connection.read(buffer)) {
      await writeAll(connection, buffer.subarray(0, length));
    }
    await connection.closeWrite();
    connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) connection.reset();
    await this.#accepting;
  }
}

/** A continuing session through both handlers. */
class Session implements Disposable {
  readonly #connection: Connection;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  static async begin(entry: Address, mark: number): Promise<Session> {
    const connection = await connect(entry);
    const session = new Session(connection);
    assertEquals([...await readExactly(connection, 1)], [mark]);
    await session.talk();
    return session;
  }

  async talk(): Promise<void> {
    const said = pattern(20_000);
    await writeAll(this.#connection, said);
    assertEquals(await readExactly(this.#connection, said.length), said);
  }

  async finish(): Promise<void> {
    await this.#connection.closeWrite();
    assertEquals((await drain(this.#connection)).ending, "end");
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.#connection.reset();
  }
}

/** Both handlers and their targets. */
interface Pair extends AsyncDisposable {
  readonly server: Handler;
  readonly client: Handler;
  readonly entry: Address;
  /** Number of the server handler's workers. */
  readonly servers: number;
}

/** Starts a client handler and a server handler with the given numbers of workers. */
async function startPair(clients: number, servers: number): Promise<Pair> {
  await using making = new AsyncDisposableStack();
  const echo = making.use(new Echo(1));
  const port = freePorts(2, ...HOSTS);
  const channels = HOSTS.map((host) => ({ host, port }));
  const flags = (workers: number) => ["--admin", "127.0.0.1:0", "--workers", `${workers}`];
  const server = making.use(await startServer(channels, `80=${echo.address}`, { flags: flags(servers) }));
  const entry = { host: "127.0.0.1", port: freePort("127.0.0.1") };
  const entries = ["--forward", `${formatAddress(entry)}=web:80`];
  const client = making.use(await startClient(channels, entries, { flags: flags(clients) }));
  const made = making.move();
  return { server, client, entry, servers, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

/** Starts `count` sessions, the first one before the others, so that the client learns of all workers. */
async function begin({ entry, client, servers }: Pair, count: number, mark = 1): Promise<Session[]> {
  const first = await Session.begin(entry, mark);
  if (servers > 1) await client.waitForLog("association", { "server-worker": 1 });
  const others = Array.from({ length: count - 1 }, () => Session.begin(entry, mark));
  return [first, ...await Promise.all(others)];
}

async function ask(handler: Handler, path: string): Promise<string> {
  const { at } = await handler.waitForLog("admin");
  return (await run([...CURL, `http://${at}${path}`])).text();
}

/** The value of a metric, with its labels if any in the exposition format. */
function value(metrics: string, series: string): number {
  return Number(metrics.split("\n").find((line) => line.startsWith(`${series} `))?.slice(series.length + 1));
}

/** The numbers of the workers that logged an event. */
function workersOf(handler: Handler, event: string): unknown[] {
  return [...new Set(handler.logged(event).map(({ worker }) => worker))].sort();
}

// One worker each is what all other tests have.
for (const [clients, servers] of [[1, 2], [2, 1], [2, 2]] as const) {
  const name = `a client with ${clients} and a server with ${servers} worker${servers === 1 ? "" : "s"}`;
  testWith(["curl"], `${name} carry sessions, report as one handler, and exit in order`, async (t) => {
    await using pair = await startPair(clients, servers);
    const { client, server } = pair;
    const sessions = await begin(pair, MANY);
    for (const session of sessions) await session.talk();

    // Each association's connections have met in one worker, and every worker has associations.
    for (const { channels } of server.logged("association")) assertEquals(channels, HOSTS.length);
    assertEquals(workersOf(server, "session"), servers === 1 ? [undefined] : [0, 1], server.describe());
    assertEquals(workersOf(client, "session"), clients === 1 ? [undefined] : [0, 1], client.describe());
    for (const handler of [client, server]) {
      assertEquals(await ask(handler, "/readyz"), '{"ready":true,"missing":{},"degraded":{},"unknown":{}}');
      const metrics = await ask(handler, "/metrics");
      assertEquals(value(metrics, "micss_sessions"), MANY);
      assertEquals([...metrics.matchAll(/^micss_info\{.*\} (\d+)$/gm)].map(([, one]) => one), ["1"]);
      const status: Status = JSON.parse(await ask(handler, "/status"));
      assertEquals([status.sessionCount, status.sessions.length, status.channels.length], [MANY, MANY, HOSTS.length]);
    }
    const carried = async (handler: Handler, direction: string) =>
      [...(await ask(handler, "/metrics")).matchAll(/^micss_channel_bytes_total\{.*direction="(\w+)"\} (\d+)$/gm)]
        .filter(([, way]) => way === direction).map(([, , bytes]) => bytes).join();
    // An acknowledgement may be sent between two looks.
    const agree = async () => await carried(client, "out") === await carried(server, "in");
    await bounded(until(agree), () => client.describe());

    for (const session of sessions) await session.finish();
    await bounded(sessionsEnded(client), () => client.describe());
    assertEquals(value(await ask(client, "/metrics"), 'micss_sessions_total{outcome="ended"}'), MANY);
    if (clients !== servers) {
      const role = clients > servers ? "client" : "server";
      const step = `SIGTERM lets the sessions of all workers of the ${role} finish, and no new one begin`;
      await t.step(step, () => assertDrains(pair, pair[role]));
    }
    for (const handler of [client, server]) {
      handler.signal("SIGTERM");
      assertEquals(await bounded(handler.exited, () => handler.describe()), 0, handler.describe());
    }
  });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!await condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function sessionsEnded(handler: Handler): Promise<void> {
  while (handler.logged("session ended").length < MANY) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Asserts that a handler's sessions of all its workers go on after SIGTERM, and that it exits after the last one. */
async function assertDrains(pair: Pair, handler: Handler): Promise<void> {
  const sessions = await begin(pair, MANY);
  handler.signal("SIGTERM");
  await handler.waitForLog("ending");
  for (const session of sessions) await session.talk();
  let ended = false;
  handler.exited.then(() => ended = true);
  for (const session of sessions) {
    assertEquals(ended, false, handler.describe());
    await session.finish();
  }
  assertEquals(await bounded(handler.exited, () => handler.describe()), 0);
  assertEquals(handler.logged("ended", { drained: true }).length, 1);
}

Deno.test("two clients with workers can't share an entry silently, and a second SIGTERM resets the sessions of all workers", async () => {
  await using pair = await startPair(2, 1);
  const flags = ["--server", "web=127.0.0.1,127.0.0.2", "--forward", `${formatAddress(pair.entry)}=web:80`];
  const command = [...await micssCommand(), "client", ...flags, "--workers", "2"];
  const { code, stderr } = await run(command, { mayFail: true, cwd: new URL("../../", import.meta.url).pathname });
  assertEquals(code, 1);
  assertMatch(stderr, /^\S+ error can't start reason="can't listen at \S+: another program listens there; .*"\n$/);
  const sessions = await begin(pair, MANY);
  pair.client.signal("SIGTERM");
  await pair.client.waitForLog("ending");
  pair.client.signal("SIGTERM");
  assertEquals(await bounded(pair.client.exited, () => pair.client.describe()), 1);
  assertEquals((await pair.client.waitForLogs(MANY, "session reset")).length, MANY);
  for (const session of sessions) session[Symbol.dispose]();
});

Deno.test("SIGHUP reloads every worker or none", async () => {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await makeTempDir());
  const [one, two] = [stack.use(new Echo(1)), stack.use(new Echo(2))];
  const port = freePorts(2, ...HOSTS);
  const channels = HOSTS.map((host) => ({ host, port }));
  const write = (target: string, more = "workers: 2") =>
    Deno.writeTextFile(
      `${path}/server.yaml`,
      `channels: [${channels.map(formatAddress)}]\ntargets: {80: "${target}"}\n${more}\n`,
    );
  await write(one.address);
  const server = stack.use(await Handler.start("server", ["--config", `${path}/server.yaml`]));
  const entry = { host: "127.0.0.1", port: freePort("127.0.0.1") };
  const client = stack.use(await startClient(channels, ["--forward", `${formatAddress(entry)}=web:80`]));
  const pair = { server, client, entry, servers: 2, [Symbol.asyncDispose]: () => Promise.resolve() };
  for (const session of await begin(pair, 8)) await session.finish();

  await write("127.0.0.1:0");
  server.signal("SIGHUP");
  await server.waitForLog("not reloaded", { reason: /server\.yaml:2: targets\.80: / });
  for (const session of await begin(pair, 8)) await session.finish();

  await write(two.address, "workers: 3");
  server.signal("SIGHUP");
  await server.waitForLog("reloaded", { "restart-needed": "workers" });
  for (const session of await begin(pair, 8, 2)) await session.finish();
  assertEquals(workersOf(server, "session"), [0, 1]);
});

Deno.test("an occupied port of any worker is one error line that names it, and status 1", async () => {
  const port = freePorts(3, ...HOSTS);
  using _other = Deno.listen({ hostname: HOSTS[1]!, port: port + 2 });
  const channels = HOSTS.flatMap((host) => ["--channel", `${host}:${port}`]);
  const command = [...await micssCommand(), "server", ...channels, "--target", "80=127.0.0.1", "--workers", "3"];
  const { code, stderr } = await run(command, { mayFail: true, cwd: new URL("../../", import.meta.url).pathname });
  assertEquals(code, 1);
  assertMatch(
    stderr,
    new RegExp(
      `^\\S+ error can't start reason="can't listen at ${HOSTS[1]}:${port + 2}: another program listens .*"\\n$`,
    ),
  );
});

testWith(
  ["curl", "nginx", "network namespaces", "iptables"],
  "a firewall that passes only the first worker's ports fails no connection, and is logged",
  async (t) => {
    await using stack = new AsyncDisposableStack();
    const topology = stack.use(await makeTopology());
    const { near, far } = topology;
    await far.ip("link set lo up");
    await near.ip("link set lo up");
    const channels = topology.ipv4.map((host) => ({ host, port: 6522 }));
    const target = "127.0.0.1:8000";
    const nginx = stack.use(await startNginx([target], { within: far.within }));
    await Deno.writeTextFile(`${nginx.root}/file`, "whole");
    const flags = ["--workers", "2"];
    const server = stack.use(await startServer(channels, `80=${target}`, { within: far.within, flags }));
    const entry = "127.0.0.1:8080";
    for (const verdict of ["DROP", "REJECT"]) {
      await t.step(verdict, async () => {
        const rule = ["INPUT", "-p", "tcp", "--dport", "6523", "-j", verdict];
        if (verdict === "REJECT") rule.push("--reject-with", "tcp-reset");
        await run(["iptables", "-w", "-I", ...rule], { within: far.within });
        const entries = ["--forward", `${entry}=web:80`];
        await using client = await startClient(channels, entries, { within: near.within, flags });
        for (let i = 0; i < 8; i++) {
          const began = performance.now();
          const answer = await run([...CURL, `http://${entry}/file`], { within: near.within });
          assertEquals(answer.text(), "whole", client.describe());
          assert(performance.now() - began < 4_000, "an application has waited for the firewall");
        }
        await client.waitForLog("worker not reached", { "server-worker": 1 });
        assertEquals(client.logged("session refused").length, 0, client.describe());
        assertEquals(workersOf(server, "session"), [0]);
      });
    }
  },
);
