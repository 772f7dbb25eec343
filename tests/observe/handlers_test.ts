/** Both handlers' metrics after known traffic, over the network in memory. */
import { assert, assertEquals } from "@std/assert";
import { collect } from "../../src/observe/collect.ts";
import { writeAll } from "../../src/net/connection.ts";
import type { Observable } from "../../src/observe/observable.ts";
import { handlerStatus } from "../../src/observe/status.ts";
import { INTERVAL, Sampler } from "../../src/observe/sampler.ts";
import { World } from "../support/handlers/world.ts";

const CHANNELS = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
const SERVER = CHANNELS.flatMap((host) => ["--channel", host]);
const CLIENT = ["--server", `web=${CHANNELS.join()}`];
const DESTINATION = { host: "10.0.0.1", port: 80 };

/** The values of a metric by label. */
function valuesOf(handler: Observable, name: string): Record<string, number> {
  const metric = collect(handler, { version: "1", loopLag: 0 }).find((metric) => metric.name === name)!;
  assert(metric.type !== "histogram", name);
  return Object.fromEntries(metric.samples.map(({ labels = {}, value }) => [Object.values(labels).join(), value]));
}

/** Refusals by reason, without zeros. */
function refusalsOf(handler: Observable): Record<string, number> {
  const all = Object.entries(valuesOf(handler, "micss_refusals_total"));
  return Object.fromEntries(all.filter(([, count]) => count > 0));
}

Deno.test("a finished session is counted on both sides, with the bytes of each channel", async () => {
  await using world = new World();
  const server = world.startServer(SERVER);
  const client = world.startClient([...CLIENT]);
  assertEquals(await world.talk(DESTINATION), "hello");
  await world.client.until("session ended");
  await world.server.until("session ended");
  for (const handler of [client, server]) {
    assertEquals(valuesOf(handler, "micss_sessions_total"), { ended: 1, reset: 0 });
    assertEquals(valuesOf(handler, "micss_sessions"), { "": 0 });
    assertEquals(handler.activity.sessionSeconds.cumulative.at(-1), 1);
  }
  // One side's bytes out are the other's bytes in, equal on every channel.
  const out = valuesOf(client, "micss_channel_bytes_total"), into = valuesOf(server, "micss_channel_bytes_total");
  for (const [at, host] of CHANNELS.entries()) {
    const sent = out[`web,${at + 1},${host}:6522,out`]!;
    assert(sent > "hello".length, `${sent}`);
    assertEquals(into[`,${at + 1},${host}:6522,in`], sent);
    assertEquals(out[`web,${at + 1},${host}:6522,in`], into[`,${at + 1},${host}:6522,out`]);
  }
});

Deno.test("handshakes are counted per association on a client and per connection on a server", async () => {
  await using world = new World();
  const server = world.startServer(SERVER);
  const client = world.startClient(CLIENT);
  assertEquals(await world.talk(DESTINATION), "hello");
  // The second session shares the association.
  assertEquals(await world.talk(DESTINATION), "hello");
  assertEquals(valuesOf(client, "micss_handshakes_total").associated, 1);
  assertEquals(valuesOf(server, "micss_handshakes_total").associated, 3);
  assertEquals(valuesOf(server, "micss_associations_total"), { "": 1 });
  assertEquals(client.activity.handshakeSeconds.cumulative.at(-1), 1);
});

Deno.test("without a server handler, the channel's failure, the handshake and the refusal are counted", async () => {
  await using world = new World();
  const client = world.startClient(CLIENT);
  assertEquals(await world.clock.until(world.talk(DESTINATION)), "reset");
  assertEquals(refusalsOf(client), { "no-association": 1 });
  assert(valuesOf(client, "micss_handshakes_total").failed! >= 1);
  const failures = Object.values(valuesOf(client, "micss_channel_failures_total"));
  assertEquals(failures.length, 3);
  assert(failures.some((count) => count > 0));
  using sampler = disposable(new Sampler(client.activity));
  assert(sampler.channels.some(({ state }) => state === "failed"));
});

Deno.test("a channel is away while its association waits for it, and has not failed once it was joined again", async () => {
  await using world = new World();
  world.startServer(SERVER);
  const { activity } = world.startClient(CLIENT);
  assertEquals(await world.talk(DESTINATION), "hello");
  using sampler = disposable(new Sampler(activity));
  const [association] = activity.associations.keys(), away = new Set<number>();
  Object.defineProperty(association, "away", { value: away });
  const states = async () => {
    await world.clock.advance(INTERVAL);
    return sampler.channels.map(({ state }) => state);
  };
  // The session's last ACKs still flow.
  await states();
  assertEquals(await states(), ["idle", "idle", "idle"]);
  away.add(1);
  activity.broken(association!, 1, new Error("silent for 25 s"));
  assertEquals(await states(), ["idle", "away", "idle"]);
  away.delete(1);
  activity.rejoined(association!, 1);
  assertEquals(await states(), ["idle", "idle", "idle"]);
});

Deno.test("a channel that an association gave up as a liar is lying, not away, and nothing waits for it", async () => {
  await using world = new World();
  world.startServer(SERVER);
  const client = world.startClient(CLIENT), { activity } = client;
  assertEquals(await world.talk(DESTINATION), "hello");
  using sampler = disposable(new Sampler(activity));
  const [association] = activity.associations.keys();
  Object.defineProperty(association, "away", { value: new Set([1]) });
  Object.defineProperty(association, "isLiar", { value: (index: number) => index === 1 });
  activity.lied(association!, 1);
  await world.clock.advance(2 * INTERVAL);
  const [, liar, honest] = sampler.channels;
  assertEquals([liar!.state, liar!.lying, liar!.away, liar!.behindIn], ["lying", 1, 0, 0]);
  assertEquals([honest!.state, honest!.lying], ["idle", 0]);
  assertEquals(
    handlerStatus(client, sampler.channels).channels.map(({ lies, lying }) => [lies, lying]),
    [[0, 0], [1, 1], [0, 0]],
  );
  assertEquals(Object.values(valuesOf(client, "micss_channel_lies_total")), [0, 1, 0]);
});

Deno.test("a port without a target is refused, and counted on both sides", async () => {
  await using world = new World();
  const server = world.startServer(SERVER);
  const client = world.startClient(CLIENT);
  assertEquals(await world.talk({ ...DESTINATION, port: 81 }), "reset");
  await world.client.until("session refused");
  assertEquals(refusalsOf(server), { "not-allowed": 1 });
  assertEquals(refusalsOf(client), { "not-allowed": 1 });
  assertEquals(valuesOf(client, "micss_sessions_total"), { ended: 0, reset: 0 });
});

Deno.test("refused connections are counted by reason", async () => {
  const elsewhere = { host: "203.0.113.9", port: 80 };
  for (
    const [reason, args, yaml, destination] of [
      ["no-server", [], "", elsewhere],
      ["refused", ["--unknown", "direct"], "", elsewhere],
      ["overloaded", [], "limits: {sessions: 1}\n", DESTINATION],
    ] as const
  ) {
    await using world = new World();
    world.startServer(SERVER);
    const flags = yaml === "" ? args : [...args, "--config", "client.yaml"];
    const client = world.startClient([...CLIENT, ...flags], [], undefined, yaml);
    // Uses up the limit where that is one session.
    await world.connect(DESTINATION);
    await world.client.until("session");
    assertEquals(await world.talk(destination), "reset", reason);
    assertEquals(refusalsOf(client), { [reason]: 1 });
  }
  await using world = new World();
  const client = world.startClient([...CLIENT, "--socks5", "127.0.0.1:1080"]);
  const application = await world.network.connect({ host: "127.0.0.1", port: 1080 });
  await writeAll(application, new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  await world.client.until("connection refused");
  assertEquals(refusalsOf(client), { "bad-request": 1 });
  application.close();
});

Deno.test("a silent connection times out and doesn't count as a channel's failure", async () => {
  await using world = new World();
  const server = world.startServer(SERVER);
  const stranger = await world.network.connect({ host: CHANNELS[0]!, port: 6522 });
  await stranger.read(new Uint8Array(1));
  assertEquals(valuesOf(server, "micss_waiting_connections"), { "": 1 });
  await world.clock.advance(5_000);
  await world.server.until("channel not associated");
  assertEquals(valuesOf(server, "micss_handshakes_total")["timed-out"], 1);
  assertEquals(valuesOf(server, "micss_waiting_connections"), { "": 0 });
  assertEquals(Object.values(valuesOf(server, "micss_channel_failures_total")), [0, 0, 0]);
  stranger.close();
});

Deno.test("a channel's rate and state are those of the last interval", async () => {
  await using world = new World();
  world.startServer(SERVER);
  const client = world.startClient(CLIENT);
  using sampler = disposable(new Sampler(client.activity));
  assertEquals(sampler.channels.map(({ state }) => state), ["unused", "unused", "unused"]);
  assertEquals(await world.talk(DESTINATION), "hello");
  await world.client.until("session ended");
  await world.clock.advance(INTERVAL);
  const [first] = sampler.channels;
  assertEquals(first!.state, "flowing");
  assertEquals(first!.rateOut, first!.sent);
  await world.clock.advance(INTERVAL);
  assertEquals(sampler.channels.map(({ state, rateOut }) => [state, rateOut]), Array(3).fill(["idle", 0]));
  assertEquals(sampler.samples.length, 3);
});

function disposable<T extends { close(): void }>(one: T): T & Disposable {
  return Object.assign(one, { [Symbol.dispose]: () => one.close() });
}
