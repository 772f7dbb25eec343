/** A client handler and the workers of a server handler, over an in-memory network. */
import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { NotAllowed } from "../../src/client/ingress/refusal.ts";
import { LoopGuard } from "../../src/client/loop_guard.ts";
import type { Network } from "../../src/net/connection.ts";
import { silentLog } from "../../src/log/log.ts";
import type { WorkerGroup } from "../../src/workers/worker_group.ts";
import { joinWorkerGroup, workerGroupMemory } from "../../src/workers/worker_group.ts";
import { FrameType, ResultCode } from "../../src/wire/frame.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { FramePeer } from "../support/handlers/frame_peer.ts";
import { Accepting, readToEnd } from "../support/handlers/pair.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { World } from "../support/handlers/world.ts";

const HOSTS = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
const SERVER = HOSTS.flatMap((host) => ["--channel", host]);
const SHARED = ["--server", `web=${HOSTS.join()}`];
/** An association for each session. */
const CLIENT = [...SHARED, "--associations", "per-session"];
const DESTINATION = { host: "10.0.0.1", port: 80 };

/** The workers of one start of a server handler. */
function group(count: number): WorkerGroup[] {
  const memory = workerGroupMemory(count);
  return Array.from({ length: count }, (_, index) => joinWorkerGroup(memory, index));
}

/** Starts a server handler with a number of workers. */
function startServer(world: World, count: number, yaml = "") {
  const flags = [...SERVER, "--workers", `${count}`, ...yaml === "" ? [] : ["--config", "f.yaml"]];
  return group(count).map((one) => world.startServer(flags, [], one, yaml));
}

/** Broken channels end their associations, and are not dialled again. */
const NO_REJOIN = "timeouts: {rejoin: 0}";

/** Ports that the client has connected to, in order, one per association. */
function ports({ dialled }: World): number[] {
  return dialled.filter((to) => to.startsWith("10.0.0.1:")).map((to) => Number(to.split(":")[1]));
}

/** Keeps a number of sessions open at once. */
async function hold(world: World, count: number): Promise<void> {
  const read = async () => {
    const connection = await world.connect(DESTINATION);
    const answer = new Uint8Array(8);
    await connection.write(Uint8Array.of(1));
    assertEquals(await connection.read(answer), 1);
  };
  for (let i = 0; i < count; i++) await read();
}

Deno.test("new associations are balanced over all workers once the first answer announced them", async () => {
  await using world = new World();
  const servers = startServer(world, 3);
  world.startClient(CLIENT);
  await hold(world, 1);
  await world.client.until("association", 4); // the session's, one ahead of demand, one with each other worker
  await hold(world, 11);
  assert(servers.every(({ associations }) => associations >= 4), servers.map((one) => one.associations).join());
  assertEquals(ports(world)[0], 6522);
  assertEquals(new Set(ports(world)), new Set([6522, 6523, 6524]));
  // All channels of an association are with one worker.
  for (const line of world.server.of("association")) assertEquals(line.channels, 3);
  assertEquals([world.client.warnings(), world.server.warnings()], [[], []]);
});

Deno.test("a server handler with one worker announces nothing, and is reached at its configured ports", async () => {
  await using world = new World();
  world.startServer(SERVER);
  world.startClient(CLIENT);
  await hold(world, 5);
  assertEquals(new Set(ports(world)), new Set([6522]));
});

Deno.test("a channel's counters cover all workers, under the configured address", async () => {
  await using world = new World();
  const [first, second] = startServer(world, 2);
  const client = world.startClient(CLIENT);
  await hold(world, 6);
  await world.client.until("association", 6);
  const addresses = (handler: typeof client | typeof first) =>
    handler!.activity.channels.all.map(({ address }) => `${address.host}:${address.port}`);
  assertEquals(addresses(client), HOSTS.map((host) => `${host}:6522`));
  for (const server of [first, second]) {
    assertEquals(addresses(server), HOSTS.map((host) => `${host}:6522`));
    for (const { records } of server!.activity.associations.values()) assert(!records.includes(undefined));
  }
  for (const { records } of client.activity.associations.values()) assert(!records.includes(undefined));
});

for (const blocked of ["refuses", "drops"]) {
  Deno.test(`a firewall that ${blocked} the other workers' ports costs one log line and no connection, and is tried again`, async () => {
    await using world = new World();
    startServer(world, 2);
    let closed = true;
    const { onConnect } = world.network;
    world.network.onConnect = (to, from) => {
      onConnect(to, from);
      if (!closed || to.port !== 6523) return;
      if (blocked === "refuses") throw new Deno.errors.ConnectionRefused("Connection refused (os error 111)");
      return new Promise(() => {});
    };
    world.startClient(CLIENT);
    for (let i = 0; i < 4; i++) assertEquals(await world.talk(DESTINATION), "hello");
    if (blocked === "drops") await world.clock.advance(5_000);
    const { level, ...line } = await world.client.until("worker not reached");
    assertEquals([line["server-worker"], level], [1, "warn"]);
    await hold(world, 4);
    assertEquals(world.client.of("worker not reached").length, 1);
    const tried = ports(world).filter((port) => port === 6523).length;
    assertEquals(tried, 1);
    closed = false;
    await world.clock.advance(60_000);
    assertEquals(await world.talk(DESTINATION), "hello");
    // Workers are announced with the first answer on a new association only.
    await hold(world, 6);
    assert(ports(world).filter((port) => port === 6523).length > 1, ports(world).join());
    assertEquals(world.client.of("session refused"), []);
  });
}

Deno.test("a worker that becomes unreachable costs no connection", async () => {
  await using world = new World();
  const [, second] = startServer(world, 2);
  world.startClient(CLIENT);
  await hold(world, 4);
  await world.client.until("association", 5);
  await second!.close();
  await hold(world, 4);
  assertEquals(world.client.of("worker not reached").length, 1);
  assertEquals(world.client.of("session refused"), []);
});

Deno.test("another server handler at the next port gets no session and none of its bytes", async () => {
  await using world = new World();
  const [first] = group(2);
  world.startServer([...SERVER, "--workers", "2"], [], first!);
  // Another server handler there, as after a mistake in address translation.
  world.startServer(HOSTS.flatMap((host) => ["--channel", `${host}:6523`]));
  world.startClient(CLIENT);
  await hold(world, 1);
  await world.client.until("association", 3);
  await hold(world, 3);
  const { reason, hint } = await world.client.until("worker not reached");
  assertEquals(reason, "another server handler");
  assertStringIncludes(String(hint), "is another server handler at this worker's ports?");
  const [refused] = world.server.warnings();
  assertEquals(refused, [
    "session refused",
    "the client expects another server handler, or an earlier start of this one",
  ]);
  assertEquals(world.client.of("session refused"), []);
  await hold(world, 3);
  // Every session went through the right one.
  assertEquals(world.server.of("session").every(({ worker }) => worker === 0), true);
});

Deno.test("a restarted server handler is recognized as such, and its workers are used again", async () => {
  await using world = new World();
  const before = startServer(world, 2);
  world.startClient(CLIENT);
  await hold(world, 2);
  await world.client.until("association", 3);
  for (const one of before) await one.close();
  const after = startServer(world, 2);
  await hold(world, 8);
  assert(after.every(({ associations }) => associations >= 2), after.map((one) => one.associations).join());
  assertEquals(world.client.of("session refused"), []);
});

Deno.test("repeated restarts of a server handler cost no session, whichever worker is asked first", async () => {
  await using world = new World();
  let servers = startServer(world, 2, NO_REJOIN);
  world.startClient(CLIENT);
  const first = new Set<number>();
  for (let start = 0; start < 12; start++) {
    // Sessions with both workers, so that the client trusts both.
    await hold(world, 4 + start % 2);
    for (const one of servers) await one.close();
    const dialled = ports(world).length;
    // Requested while no worker listens, as during a restart.
    const talking = world.talk(DESTINATION);
    while (ports(world).length === dialled) await settle();
    servers = startServer(world, 2, NO_REJOIN);
    assertEquals(await world.clock.until(talking), "hello", `start ${start + 1}`);
    first.add(ports(world)[dialled]!);
  }
  assertEquals([world.client.of("session refused"), world.client.of("worker not reached")], [[], []]);
  assertEquals(first, new Set([6522, 6523]), "both workers were asked first");
});

Deno.test("sessions that share associations are balanced over all workers, with one association each", async () => {
  await using world = new World();
  const servers = startServer(world, 3);
  world.startClient(SHARED);
  await hold(world, 1);
  await world.client.until("association", 3);
  await hold(world, 11);
  assertEquals(servers.map(({ associations }) => associations), [1, 1, 1]);
  assertEquals(servers.map(({ activity }) => activity.sessions.size), [4, 4, 4]);
  assertEquals([world.client.warnings(), world.server.warnings()], [[], []]);
});

Deno.test("another server handler at the next port gets OPENs and no byte, even of sessions that come together", async () => {
  await using world = new World();
  const [first] = group(2);
  world.startServer([...SERVER, "--workers", "2"], [], first!);
  const other = new Accepting(world.network, HOSTS.map((host) => ({ host, port: 6523 })), { clock: world.clock });
  world.startClient(SHARED);
  await hold(world, 1);
  const association = await other.first(), peer = new FramePeer(association);
  await world.client.until("association", 2);
  const talks = Array.from({ length: 6 }, () => world.talk(DESTINATION));
  for (let i = 0; i < 5; i++) await settle();
  const opens = peer.heard.filter(({ type }) => type === FrameType.Open);
  assert(opens.length > 1, `${opens.length} sessions`);
  assertEquals(await peer.drain(), ["WORKERS", ...opens.map(() => "OPEN")]);
  for (const frame of opens) {
    if (frame.type === FrameType.Open) await peer.send(encode.result(frame.stream, ResultCode.NotProcessed));
  }
  assertEquals(new Set(await Promise.all(talks)), new Set(["hello"]));
  // It is given up, and nothing else has come.
  assertEquals([await peer.ended, await peer.drain()], [null, []]);
  await hold(world, 3);
  assertEquals(world.client.of("session refused"), []);
  association.end();
  await other.close();
});

Deno.test("associations that fail over and over don't flood the log", async () => {
  await using world = new World();
  const server = new Accepting(world.network, HOSTS.map((host) => ({ host, port: 6522 })), { clock: world.clock });
  world.startClient([...CLIENT, "--config", "f"], [], undefined, "warm: 0");
  for (let count = 1; count <= 12; count++) {
    const application = await world.connect(DESTINATION);
    while (server.associations.length < count) await settle();
    const association = server.associations.at(-1)!;
    await new FramePeer(association).send(encode.end(9));
    assertInstanceOf((await readToEnd(application)).error, Deno.errors.ConnectionReset);
    association.end();
  }
  await settle();
  const failed = world.client.of("association failed");
  assertEquals([failed.length, failed[0]!.reason], [10, "a frame on a stream that was never opened"]);
  await world.clock.advance(10_000);
  assertEquals(world.client.of("association failed").slice(10).map((line) => line["more-times"]), [2]);
  await server.close();
});

Deno.test("one association of a first burst on one worker is kept", async () => {
  await using world = new World();
  startServer(world, 2);
  const client = world.startClient(SHARED);
  const crowd = await Promise.all(Array.from({ length: 8 }, () => world.talk(DESTINATION)));
  assertEquals(new Set(crowd), new Set(["hello"]));
  await world.client.until("session ended", 8);
  const { idle } = client.levels().pool!;
  // One of the eight, one ahead of demand, and one with the other worker.
  assert(idle <= 3, `${idle}`);
});

Deno.test("a worker recognizes another worker's connection that a rule sends back, and its maker does not retry", async () => {
  const memory = workerGroupMemory(2);
  const clock = new FakeClock(), network = new MemoryNetwork();
  const listener = network.listen({ host: "10.0.0.1", port: 80 });
  const [one, other] = [0, 1].map((index) =>
    new LoopGuard(network, clock, silentLog, joinWorkerGroup(memory, index).paths)
  );
  const made = await one!.connect({ host: "10.0.0.1", port: 80 });
  // From the second worker's view: it comes from the first one's local end, and has the same destination.
  const back = (await listener.accept())!;
  await assertRejects(() => other!.check(back, made.remote), NotAllowed, "this handler's own connection came back");
  assert(one!.cameBack(made.remote), "the worker that made it must not retry");
  assert(!one!.cameBack({ ...made.remote, port: 81 }));
  const stranger = await network.connect({ host: "10.0.0.1", port: 80 });
  const fromElsewhere = (await listener.accept())!;
  await other!.check(fromElsewhere, stranger.remote);
  for (const one of [made, back, stranger, fromElsewhere]) one.close();
  listener.close();
});

Deno.test("a connection that comes back while another worker's connect() is pending is recognized", async () => {
  const memory = workerGroupMemory(2);
  const clock = new FakeClock(), network = new MemoryNetwork();
  const to = { host: "10.0.0.1", port: 80 };
  const listener = network.listen(to);
  const gate = Promise.withResolvers<void>();
  const slow: Network = {
    async connect(to) {
      const connection = await network.connect(to);
      await gate.promise;
      return connection;
    },
    listen: (at) => network.listen(at),
  };
  const one = new LoopGuard(slow, clock, silentLog, joinWorkerGroup(memory, 0).paths);
  const other = new LoopGuard(network, clock, silentLog, joinWorkerGroup(memory, 1).paths);
  const making = one.connect(to);
  const back = (await listener.accept())!;
  const checked = assertRejects(() => other.check(back, to), NotAllowed);
  await clock.advance(10);
  gate.resolve();
  const made = await making;
  await clock.advance(10);
  await checked;
  for (const one of [made, back]) one.close();
  listener.close();
});

Deno.test("all workers share one limit: of sessions in a client, of associations in a server", async () => {
  await using world = new World();
  const servers = group(2).map((one) =>
    world.startServer([...SERVER, "--workers", "2", "--config", "f"], [], one, "limits: {associations: 3}")
  );
  world.startClient([...CLIENT, "--config", "f"], [], undefined, "warm: 0");
  await hold(world, 1);
  await world.client.until("association", 2);
  await hold(world, 2);
  assertEquals(await world.talk(DESTINATION), "reset");
  assertEquals(servers.reduce((sum, { associations }) => sum + associations, 0), 3);
  const { limit, value } = await world.server.until("limit reached");
  assertEquals([limit, value], ["associations", 3]);
});
