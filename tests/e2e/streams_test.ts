/** Sessions that share an association, with real processes: each ends, fails and waits by itself. */
import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { type Address, formatAddress } from "../../src/net/address.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { type Handler, type Pair, startClient, startPair, startServer } from "../support/handlers/handlers.ts";
import { bounded, configFile } from "../support/programs/process.ts";
import { freePort, shared } from "../support/programs/programs.ts";
import { Relay } from "../support/programs/relay.ts";
import {
  connect,
  drain,
  listenTo,
  pattern,
  readExactly,
  sha256,
  Target,
  writeAndEnd,
} from "../support/programs/tcp.ts";

const HOSTS = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];

/** Both ends of a session, which the test holds. */
interface Session {
  readonly application: Connection;
  readonly served: Connection;
}

/** Opens a session and carries a byte each way. */
async function open(entry: Address, target: Target, of: { describe(): string }): Promise<Session> {
  const [application, served] = await Promise.all([connect(entry), target.accept(of)]);
  const session = { application, served };
  await exchange(session, 1);
  return session;
}

/** Sends `size` bytes each way, and checks them. */
async function exchange({ application, served }: Session, size: number): Promise<void> {
  const [up, down] = [pattern(size, 1), pattern(size, 2)];
  const [above, below] = await Promise.all([
    readExactly(served, size),
    readExactly(application, size),
    writeAll(application, up),
    writeAll(served, down),
  ]);
  assertEquals([sha256(above), sha256(below)], [sha256(up), sha256(down)]);
}

/** Ends a session in order, the application first. */
async function finish({ application, served }: Session): Promise<void> {
  await Promise.all([application.closeWrite(), drain(served)]);
  await served.closeWrite();
  assertEquals((await drain(application)).ending, "end");
  application.close();
}

function openAll(count: number, entry: Address, target: Target, of: { describe(): string }): Promise<Session[]> {
  // One after the other: an accepted connection then belongs to the application just connected.
  return Array.from({ length: count }).reduce<Promise<Session[]>>(
    async (sessions) => [...await sessions, await open(entry, target, of)],
    Promise.resolve([]),
  );
}

/** The associations that carried a handler's sessions so far. */
function associationsOf(handler: Handler): string[] {
  return [...new Set(handler.logged("session").map(({ session }) => String(session).split(".")[0]!))];
}

/** A pair whose port 81 leads nowhere, for tests that leave one association and no session. */
const sharing = shared(async () => {
  await using making = new AsyncDisposableStack();
  const target = making.use(new Target());
  const port = freePort(...HOSTS);
  const channels = HOSTS.map((host) => ({ host, port }));
  const [entry, refused] = [0, 1].map(() => ({ host: "127.0.0.1", port: freePort("127.0.0.1") })) as [Address, Address];
  const flags = ["--target", `81=127.0.0.1:${freePort("127.0.0.1")}`];
  const server = making.use(await startServer(channels, `80=${formatAddress(target.address)}`, { flags }));
  const entries = ["--forward", `${formatAddress(entry)}=web:80`, "--forward", `${formatAddress(refused)}=web:81`];
  const client = making.use(await startClient(channels, entries));
  const made = making.move();
  const describe = () => `${client.describe()}\n${server.describe()}`;
  return { target, server, client, entry, refused, describe, [Symbol.asyncDispose]: () => made.disposeAsync() };
});

Deno.test("concurrent sessions share one association, each under its own number", async () => {
  const pair = await sharing(), { target } = pair;
  const sessions = await openAll(10, pair.entry, target, pair);
  await Promise.all(sessions.map((session) => exchange(session, 50_000)));
  for (const handler of [pair.client, pair.server]) {
    const numbers = (await handler.waitForLogs(10, "session")).map(({ session }) =>
      Number(String(session).split(".")[1])
    );
    assertEquals(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assertEquals(handler.logged("association").length, 1);
  }
  assertEquals(associationsOf(pair.client), associationsOf(pair.server));
  for (const session of sessions) await finish(session);
  await pair.client.waitForLogs(10, "session ended");
  assertEquals(pair.client.logged(/reset|refused|failed/), []);
});

Deno.test("with --associations per-session, each concurrent session has its own association, one after the other", async () => {
  using target = new Target();
  const port = freePort(...HOSTS);
  const channels = HOSTS.map((host) => ({ host, port }));
  const entry = { host: "127.0.0.1", port: freePort("127.0.0.1") };
  await using server = await startServer(channels, `80=${formatAddress(target.address)}`);
  const entries = ["--forward", `${formatAddress(entry)}=web:80`, "--associations", "per-session"];
  await using client = await startClient(channels, entries);
  const sessions = await openAll(5, entry, target, client);
  assertEquals(associationsOf(client).length, 5);
  await Promise.all(sessions.map((session) => exchange(session, 50_000)));
  for (const session of sessions) await finish(session);
  await server.waitForLogs(5, "session ended");
  await client.waitForLogs(5, "session ended");
  for (const session of await openAll(5, entry, target, client)) await finish(session);
  // One more is kept ready.
  assertLess(associationsOf(client).length, 7, "the associations were not used again");
  assertLess(client.logged("association").length, 7);
});

Deno.test("each session begins and ends by itself while another on the same association goes on", async () => {
  const pair = await sharing(), { target } = pair;
  const bystander = await open(pair.entry, target, pair);
  let going = true;
  const talking = (async () => {
    for (let rounds = 0;; rounds++) {
      await exchange(bystander, 10_000);
      if (!going) return rounds;
    }
  })();

  // The target speaks first.
  const [first, firstServed] = await Promise.all([connect(pair.entry), target.accept(pair)]);
  await writeAll(firstServed, pattern(1000));
  assertEquals(await readExactly(first, 1000), pattern(1000));
  await finish({ application: first, served: firstServed });

  // The target refuses the connection.
  assertEquals((await listenTo(pair.refused)).ending, "reset");
  await pair.client.waitForLog("session refused", { reason: "the target refused the connection" });

  // Either side half-closes, and the other goes on.
  for (const halfClosing of ["application", "served"] as const) {
    const session = await open(pair.entry, target, pair);
    const [early, late] = halfClosing === "application"
      ? [session.application, session.served]
      : [session.served, session.application];
    await early.closeWrite();
    assertEquals((await drain(late)).ending, "end");
    const [received] = await Promise.all([drain(early), writeAndEnd(late, pattern(300_000))]);
    assertEquals([received.bytes, received.sha256], [300_000, sha256(pattern(300_000))]);
  }

  // Either side resets.
  for (const resetting of ["application", "served"] as const) {
    const session = await open(pair.entry, target, pair);
    const other = resetting === "application" ? session.served : session.application;
    session[resetting].reset();
    assertEquals((await drain(other)).ending, "reset");
  }

  going = false;
  assert(await talking > 0);
  await exchange(bystander, 1_000_000);
  await finish(bystander);
  assertEquals(associationsOf(pair.client).length, 1, pair.describe());
  assertEquals([pair.client, pair.server].map((handler) => handler.logged("association failed")), [[], []]);
});

Deno.test("an application that does not read 100 MB stops only itself, and memory stays bounded", async () => {
  using target = new Target();
  await using pair = await startPair({ target: target.address });
  const blocked = await open(pair.entry, target, pair), other = await open(pair.entry, target, pair);
  const memory = () => Promise.all([pair.client.memory(), pair.server.memory()]);
  const before = await memory();
  const all = pattern(100_000_000);
  let sent = false;
  const sending = writeAndEnd(blocked.served, all).then(() => sent = true);
  // Awaited below.
  sending.catch(() => {});
  for (let round = 0; round < 50; round++) {
    await exchange(other, 100_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assertEquals(sent, false, "nothing was held up");
  const growth = (await memory()).map((bytes, index) => bytes - before[index]!);
  for (const bytes of growth) assertLess(bytes, 64_000_000);
  assertEquals(associationsOf(pair.client).length, 1);

  const [received] = await Promise.all([drain(blocked.application), sending]);
  assertEquals(received, { bytes: all.length, sha256: sha256(all), ending: "end" });
  await exchange(other, 100_000);
  await finish(other);
});

Deno.test("with timeouts.rejoin of 0, all sessions of an association whose channel fails are reset, and each handler reports the failure once", async () => {
  using target = new Target();
  using relays = new DisposableStack();
  let relay: Relay | undefined;
  await using noRejoin = await configFile("timeouts: {rejoin: 0}\n");
  await using pair = await startPair({
    target: target.address,
    flags: ["--config", noRejoin.file],
    through([a, b, c]) {
      relay = relays.use(new Relay({ host: b!.host, port: 0 }, b!));
      return [a!, relay.address, c!];
    },
  });
  const sessions = await openAll(5, pair.entry, target, pair);
  const endings = Promise.all(sessions.flatMap(({ application, served }) => [drain(application), drain(served)]));
  relay!.cut("reset");
  assertEquals((await endings).map(({ ending }) => ending), Array.from({ length: 10 }, () => "reset"));
  for (const handler of [pair.client, pair.server]) {
    const reason = /^channel 2 \(127\.0\.0\.2:\d+\): /;
    const resets = await handler.waitForLogs(5, "session reset", { reason });
    assertEquals(new Set(resets.map(({ session }) => session)).size, 5);
    const failed = await handler.waitForLogs(1, "association failed", { reason, sessions: 5 });
    assertEquals(failed.length, 1, handler.describe());
    assertMatch(String(resets[0]!.session), new RegExp(`^${failed[0]!.association}\\.`));
  }
  // The next session has a new association.
  await finish(await open(pair.entry, target, pair));
});

/** Reloads both handlers, which leaves the sessions of an association alone, and opens one more on it. */
async function reload(pair: Pair, sessions: Session[], target: Target): Promise<void> {
  for (const handler of [pair.client, pair.server]) {
    handler.signal("SIGHUP");
    await handler.waitForLog("reloaded");
  }
  await Promise.all(sessions.map((session) => exchange(session, 10_000)));
  sessions.push(await open(pair.entry, target, pair));
  assertEquals(associationsOf(pair.client).length, 1);
}

for (const role of ["server", "client"] as const) {
  const reloaded = role === "server" ? "reloads leave all sessions of an association alone, and " : "";
  Deno.test(`${reloaded}a draining ${role} handler lets all sessions of an association finish, and then exits`, async () => {
    using target = new Target();
    await using pair = await startPair({ target: target.address });
    const sessions = await openAll(20, pair.entry, target, pair);
    if (role === "server") await reload(pair, sessions, target);
    pair[role].signal("SIGTERM");
    await pair[role].waitForLog("ending");
    let exited = false;
    pair[role].exited.then(() => exited = true);
    for (const session of sessions) {
      await exchange(session, 10_000);
      assertEquals(exited, false);
      await finish(session);
    }
    assertEquals(await bounded(pair[role].exited, () => pair.describe()), 0);
    assertEquals(pair[role].logged(/reset|failed/), []);
  });
}

Deno.test("a second signal also ends a handler's sessions of which one direction has ended", async () => {
  using target = new Target();
  await using pair = await startPair({ target: target.address });
  let { server } = pair;
  await using stack = new AsyncDisposableStack();
  for (const role of ["server", "client"] as const) {
    for (const early of ["application", "served"] as const) {
      const session = await open(pair.entry, target, pair);
      await session[early].closeWrite();
      await drain(session[early === "application" ? "served" : "application"]);
    }
    const ending = role === "server" ? server : pair.client;
    ending.signal("SIGTERM");
    await ending.waitForLog("ending");
    ending.signal("SIGTERM");
    assertEquals(await bounded(ending.exited, () => pair.describe()), 1);
    await server.waitForLogs(2, "session reset");
    await pair.client.waitForLogs(role === "server" ? 2 : 4, "session reset");
    if (role === "server") {
      server = stack.use(await startServer(pair.channels, `80=${formatAddress(target.address)}`));
    }
  }
});

Deno.test("1,000 connections at once carry more than their first credit both ways, and none fails", async () => {
  // Room for all: a full queue would delay connections by seconds.
  const echo = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 4096 });
  const serving = (async () => {
    for await (const conn of echo) conn.readable.pipeTo(conn.writable).catch(() => {});
  })();
  await using pair = await startPair({ target: { host: "127.0.0.1", port: echo.addr.port } });
  const said = pattern(70_000), expected = { bytes: said.length, sha256: sha256(said), ending: "end" };
  const outcomes = await Promise.all(Array.from({ length: 1000 }, async () => {
    try {
      using application = await connect(pair.entry);
      const [received] = await Promise.all([drain(application), writeAndEnd(application, said)]);
      return received;
    } catch (error) {
      return String(error);
    }
  }));
  const failed = outcomes.filter((outcome) => JSON.stringify(outcome) !== JSON.stringify(expected));
  assertEquals([failed.length, ...failed.slice(0, 3)], [0]);
  assertEquals([pair.client, pair.server].map((handler) => handler.logged(/reset|refused|failed|limit/)), [[], []]);
  echo.close();
  await serving.catch(() => {});
});
