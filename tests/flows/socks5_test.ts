/** UDP through SOCKS5 and both handlers, in memory. */
import { assertEquals, assertRejects } from "@std/assert";
import { type AssociateOptions, Refused, Socks5UdpClient } from "../support/handlers/socks5_udp.ts";
import { latin1, LISTEN } from "../support/handlers/talk.ts";
import { FlowPair } from "./flow_pair.ts";

const WEB = { host: "web", port: 53 };

async function associate(pair: FlowPair, options?: AssociateOptions): Promise<Socks5UdpClient> {
  const client = await Socks5UdpClient.associate(pair.handlers, LISTEN, options);
  await pair.flow();
  return client;
}

/** @param client Further settings. */
function startPair(client = ""): FlowPair {
  return new FlowPair({ client: `socks5: ["127.0.0.1:1080"]\n${client}` });
}

Deno.test("datagrams through SOCKS5 reach the target, and answers the application", async () => {
  const pair = startPair(), client = await associate(pair);
  for (const host of ["web", "WEB"]) {
    client.send({ host, port: 53 }, latin1(`to ${host}`));
    await pair.flow();
    assertEquals(await client.receive(), { address: { host, port: 53 }, payload: latin1(`re: to ${host}`) });
  }
  assertEquals(pair.target.texts, ["to web", "to WEB"]);
  client[Symbol.dispose]();
  await pair.close();
});

Deno.test("a relay and each of its flows count as sessions, whose places are free again afterwards", async () => {
  const pair = startPair("limits: {sessions: 2}"), { client: handler } = pair.handlers;
  const used = () => handler.levels().limits!.find(({ name }) => name === "sessions")!.used;
  for (let round = 0; round < 2; round++) {
    const client = await associate(pair);
    assertEquals(used(), 1);
    client.send(WEB, latin1("one"));
    await pair.flow();
    assertEquals([used(), (await client.receive()).payload], [2, latin1("re: one")]);
    // No place for another relay or flow.
    assertEquals((await assertRejects(() => associate(pair), Refused)).reply, 1);
    client.send({ host: "192.0.2.1", port: 53 }, latin1("two"));
    await pair.flow();
    assertEquals([used(), handler.activity.refusals.of("overloaded")], [2, 2 * round + 2]);
    client[Symbol.dispose]();
    await pair.flow();
    assertEquals(used(), 0);
  }
  assertEquals(pair.target.texts, ["one", "one"]);
  await pair.close();
});

Deno.test("a client handler that stops listening ends relays with their connections", async () => {
  const pair = startPair(), client = await associate(pair);
  client.send(WEB, latin1("hello"));
  await pair.flow();
  pair.handlers.client.stopListening();
  assertEquals(await client.control.read(new Uint8Array(1)), null);
  await pair.handlers.clock.until(pair.handlers.client.idle());
  assertEquals([pair.handlers.client.sessions, pair.handlers.server.activity.sessions.size], [0, 0]);
  client[Symbol.dispose]();
  await pair.close();
});

Deno.test("with `unknown: direct`, datagrams to an unknown destination are refused all the same", async () => {
  const pair = startPair("unknown: direct"), client = await associate(pair);
  client.send({ host: "203.0.113.1", port: 53 }, latin1("?"));
  await pair.flow();
  const { activity } = pair.handlers.client;
  assertEquals([activity.refusals.of("no-server"), activity.datagrams.waiting], [1, 1]);
  client.send(WEB, latin1("hello"));
  await pair.flow();
  assertEquals((await client.receive()).payload, latin1("re: hello"));
  client[Symbol.dispose]();
  await pair.close();
});
