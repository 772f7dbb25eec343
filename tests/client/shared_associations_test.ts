/** Sessions of a client handler that share associations with a server handler. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { clientSpec } from "../../src/config/client.ts";
import { parseConfig } from "../../src/config/load.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { settle } from "../support/time/fake_clock.ts";
import { events, FORWARD, Handlers, lineOf } from "../support/handlers/handlers_in_memory.ts";
import { readAll, readToEnd, sendAll } from "../support/handlers/pair.ts";

type Ends = { readonly application: Connection; readonly target: Connection };

/** Opens sessions one after the other. */
async function open(handlers: Handlers, count: number): Promise<Ends[]> {
  const all: Ends[] = [];
  for (let index = 0; index < count; index++) all.push(await handlers.session());
  await settle();
  return all;
}

/** Lets a session carry a bulk flow from now on, until the function that is returned is called. */
function flood({ application, target }: Ends): () => Promise<void> {
  let stopped = false;
  const writing = (async () => {
    for (; !stopped; await settle()) await writeAll(application, new Uint8Array(100_000));
  })().catch(() => {});
  const reading = (async () => {
    const buffer = new Uint8Array(100_000);
    while (await target.read(buffer) !== null);
  })().catch(() => {});
  return async () => {
    stopped = true;
    await writing;
    application.reset();
    await reading;
    target.close();
  };
}

/** Ends a session in order. */
async function end({ application, target }: Ends): Promise<void> {
  await Promise.all([application.closeWrite(), target.closeWrite()]);
  await Promise.all([readAll(application), readAll(target)]);
  application.close();
  target.close();
  await settle();
}

/** Numbers of sessions by association, in the order of the first. */
function perAssociation({ clientLines }: Handlers): number[] {
  const counts = new Map<string, number>();
  for (const { event, session } of clientLines) {
    const id = `${session}`.split(".")[0]!;
    if (event === "session") counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return [...counts.values()];
}

const closing = (sessions: Ends[]) => sessions.flatMap(({ application, target }) => [application, target]);

Deno.test("concurrent sessions share one association while no bulk flow fills it", async () => {
  const handlers = new Handlers();
  const sessions = await open(handlers, 20);
  assertEquals([handlers.server.associations, handlers.client.levels().pool], [1, { idle: 0, busy: 1, warming: 0 }]);
  await Promise.all(sessions.map(async ({ application, target }, index) => {
    await Promise.all([sendAll(application, new Uint8Array(index + 1)), sendAll(target, new Uint8Array(2 * index))]);
    assertEquals([(await readAll(target)).length, (await readAll(application)).length], [index + 1, 2 * index]);
  }));
  await settle();
  assertEquals([handlers.server.associations, handlers.client.levels().pool?.idle], [1, 1]);
  await handlers.close(...closing(sessions));
});

Deno.test("sessions that come together before there is an association wait for one handshake", async () => {
  const handlers = new Handlers();
  const applications = await Promise.all(Array.from({ length: 50 }, () => handlers.network.connect(FORWARD)));
  const targets = [];
  for (const _ of applications) targets.push((await handlers.targets.accept())!);
  assertEquals([handlers.server.associations, perAssociation(handlers)], [1, [50]]);
  await handlers.close(...applications, ...targets);
});

Deno.test("a new session gets another association where bulk flows fill the others, up to the number configured", async () => {
  const handlers = new Handlers({}, { client: "associations: 3" });
  const floods = [];
  for (let count = 1; count <= 3; count++) {
    const [bulk] = await open(handlers, 1);
    floods.push(flood(bulk!));
    for (let i = 0; i < 60; i++) await settle();
    assertEquals(handlers.server.associations, count);
  }
  // All are filled: further sessions go where the fewest are.
  const more = await open(handlers, 6);
  assertEquals([handlers.server.associations, perAssociation(handlers)], [3, [3, 3, 3]]);
  await writeAll(more[0]!.application, Uint8Array.of(1));
  assertEquals(await more[0]!.target.read(new Uint8Array(2)), 1);
  for (const stop of floods) await stop();
  await handlers.clock.advance(1000);
  // They are no longer filled: sessions go to the first.
  const last = await open(handlers, 2);
  assertEquals(perAssociation(handlers), [5, 3, 3]);
  await handlers.close(...closing(more), ...closing(last));
});

Deno.test("where no further association can be made, a session uses one that a bulk flow fills", async () => {
  const handlers = new Handlers({}, { server: "limits: {associations: 1}" });
  const [bulk] = await open(handlers, 1);
  const stop = flood(bulk!);
  for (let i = 0; i < 60; i++) await settle();
  const session = handlers.session();
  await handlers.clock.advance(6_000);
  const { application, target } = await session;
  assertEquals([handlers.server.associations, perAssociation(handlers)], [1, [2]]);
  await stop();
  await handlers.close(application, target);
});

Deno.test("associations that are no longer needed end at the idle time-out", async () => {
  const handlers = new Handlers({}, { client: "timeouts: {idle: 10s}" });
  const [bulk] = await open(handlers, 1);
  const stop = flood(bulk!);
  for (let i = 0; i < 60; i++) await settle();
  const [other] = await open(handlers, 1);
  assertEquals(handlers.server.associations, 2);
  await stop();
  await end(other!);
  await handlers.clock.advance(5_000);
  const [kept] = await open(handlers, 1);
  await handlers.clock.advance(5_001);
  assertEquals([handlers.server.associations, handlers.client.levels().pool?.idle], [1, 0]);
  await end(kept!);
  await handlers.clock.advance(10_000);
  assertEquals([handlers.server.associations, handlers.network.openEnds], [0, 0]);
  assert(!events(handlers.serverLines).includes("association failed"));
  await handlers.close();
});

Deno.test("with warm, an association that a bulk flow fills has another one ready beside it", async () => {
  const handlers = new Handlers({}, { warm: 1 });
  const sessions = await open(handlers, 5);
  assertEquals(handlers.server.associations, 1);
  const stop = flood(sessions[0]!);
  for (let i = 0; i < 60; i++) await settle();
  sessions.push(...await open(handlers, 1));
  assertEquals([handlers.server.associations, handlers.client.levels().pool], [2, { idle: 0, busy: 2, warming: 0 }]);
  await stop();
  await handlers.close(...closing(sessions));
});

Deno.test("a channel's failure ends the sessions of its association, and those of others go on", async () => {
  const handlers = new Handlers({}, { server: "timeouts: {rejoin: 0}" });
  const [bulk, ...small] = await open(handlers, 3);
  const stop = flood(bulk!);
  for (let i = 0; i < 60; i++) await settle();
  const [other] = await open(handlers, 1);
  assertEquals(perAssociation(handlers), [3, 1]);
  const [first] = [...handlers.server.activity.associations.keys()];
  first!.connections[1]!.reset();
  for (const { application, target } of small) {
    assertInstanceOf((await readToEnd(application)).error, Deno.errors.ConnectionReset);
    assertInstanceOf((await readToEnd(target)).error, Deno.errors.ConnectionReset);
  }
  await stop();
  await end(other!);
  const [next] = await open(handlers, 1);
  assertEquals(perAssociation(handlers), [3, 2]);
  await handlers.close(...closing([bulk!, ...small, next!]));
});

Deno.test("a server handler that leaves lets its sessions end, and no session is lost on the way", async () => {
  const handlers = new Handlers();
  const [one, two] = await open(handlers, 2);
  handlers.server.stopListening();
  await settle();
  assertEquals(handlers.server.associations, 1);
  await Promise.all([sendAll(one!.application, new Uint8Array(100_000)), sendAll(one!.target, new Uint8Array(5))]);
  assertEquals([(await readAll(one!.target)).length, (await readAll(one!.application)).length], [100_000, 5]);
  assertEquals(handlers.server.associations, 1);
  let idle = false;
  const ended = handlers.server.idle().then(() => idle = true);
  await end(two!);
  await ended;
  assertEquals([idle, handlers.server.associations], [true, 0]);
  assertEquals(handlers.clientLines.filter(({ level }) => level === "warn"), []);
  await handlers.close(...closing([one!]));
});

Deno.test("after a reload to the paper's shape each new session has its own association; others go on", async () => {
  const handlers = new Handlers();
  const sessions = await open(handlers, 3);
  const channels = "[192.0.2.1, 192.0.2.2, 192.0.2.3]";
  const yaml = `servers: {web: {channels: ${channels}, ports: [80, 443]}}
forward: ["127.0.0.1:8080=web:80", "127.0.0.1:8081=web:81", "127.0.0.1:8082=web:82"]
redirect: ["127.0.0.1:6533"]
warm: 0
associations: per-session`;
  assertEquals(handlers.client.reload(parseConfig("", clientSpec, ["--config", "c"], () => yaml)), []);
  sessions.push(...await open(handlers, 3));
  assertEquals([handlers.server.associations, perAssociation(handlers)], [4, [3, 1, 1, 1]]);
  await handlers.close(...closing(sessions));
});

Deno.test("a session that no association has a place for waits for one, and is refused at the time-out", async () => {
  const handlers = new Handlers({}, { server: "limits: {streams: 128}", client: "associations: 1" });
  const sessions = await open(handlers, 128);
  assertEquals(handlers.server.associations, 1);
  const late = await handlers.network.connect(FORWARD);
  const lost = await handlers.network.connect(FORWARD);
  await handlers.clock.advance(2_000);
  // A place becomes free: the first in the queue has it.
  await end(sessions.pop()!);
  const target = await handlers.clock.until(handlers.targets.accept());
  await writeAll(late, Uint8Array.of(7));
  assertEquals(await target!.read(new Uint8Array(2)), 1);
  assertInstanceOf((await handlers.clock.until(readToEnd(lost))).error, Deno.errors.ConnectionReset);
  const { reason, hint } = lineOf(handlers.clientLines, "session refused");
  assertEquals(reason, "all 1 associations with web carry as many sessions as the server handler allows");
  assert(typeof hint === "string" || hint === undefined);
  await handlers.close(late, lost, target!, ...closing(sessions));
});
