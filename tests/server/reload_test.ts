/** Effects of a reload on a server handler. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { initiate } from "../../src/association/initiate.ts";
import { parseConfig } from "../../src/config/load.ts";
import { serverSpec } from "../../src/config/server.ts";
import type { ServerConfig } from "../../src/config/types.ts";
import { type Connection, readFull, writeAll } from "../../src/net/connection.ts";
import { encodeIdentify, IDENTIFY } from "../../src/wire/identify.ts";
import { settle } from "../support/time/fake_clock.ts";
import { Handlers } from "../support/handlers/handlers_in_memory.ts";
import { makeKey } from "../support/handlers/keys.ts";
import "../support/system/native.ts";
import { channelAddresses, readAll, readToEnd } from "../support/handlers/pair.ts";

const CHANNELS = "channels: [192.0.2.1, 192.0.2.2, 192.0.2.3]";
const TARGETS = 'targets: {80: "127.0.0.2:8000", 81: "127.0.0.2:8001"}';

function configOf(...yaml: string[]): ServerConfig {
  return parseConfig("", serverSpec, ["--config", "s"], () => yaml.join("\n"));
}

/** Checks that bytes pass in one direction. */
async function assertCarries(from: Connection, to: Connection, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  await writeAll(from, bytes);
  const got = new Uint8Array(bytes.length);
  await readFull(to, got);
  assertEquals(got, bytes);
}

Deno.test("a session continues without its target in the configuration; the next on its association uses the new targets", async () => {
  const handlers = new Handlers();
  const { application, target } = await handlers.session();
  assertEquals(handlers.server.reload({ config: configOf(CHANNELS, 'targets: {81: "127.0.0.2:8000"}') }), []);
  await assertCarries(application, target, "up");
  await assertCarries(target, application, "down");
  await Promise.all([application.closeWrite(), target.closeWrite(), readAll(application), readAll(target)]);
  await settle();

  const refused = await handlers.network.connect({ host: "127.0.0.1", port: 8080 });
  assertInstanceOf((await readToEnd(refused)).error, Deno.errors.ConnectionReset);
  const moved = await handlers.session({ host: "127.0.0.1", port: 8081 });
  await assertCarries(moved.application, moved.target, "through the other port");
  await handlers.close(application, target, refused, moved.application, moved.target);
});

Deno.test("changed time limits and limits apply to later connections", async () => {
  const handlers = new Handlers();
  const { server, network, clock } = handlers;
  const [before, after] = [await network.connect({ host: "192.0.2.1", port: 6522 }), { host: "192.0.2.2", port: 6522 }];
  await settle();
  server.reload({
    config: configOf(CHANNELS, TARGETS, "timeouts: {handshake: 1s}", "limits: {waiting: 4, associations: 1}"),
  });
  assertEquals([server.limits.waiting, server.limits.associations], [4, 1]);
  const late = await network.connect(after);
  await clock.advance(1000);
  assertEquals((await readAll(late)).length, 22);
  await clock.advance(4000);
  assertEquals((await readAll(before)).length, 22);

  const { application, target } = await handlers.session();
  const refused = await initiate(channelAddresses(3), { network, clock }).catch(({ message }) => message);
  assert(/is overloaded/.test(refused), refused);
  const reached = handlers.serverLines.filter(({ event }) => event === "limit reached");
  assertEquals(reached.map(({ limit }) => limit), ["associations", "associations", "associations"]);
  await handlers.close(before, late, application, target);
});

Deno.test("connections above the accept rate are reset and logged, until the limit is lifted", async () => {
  const handlers = new Handlers({}, { server: "limits: {accept-rate: 1}" });
  const { server, network } = handlers;
  const connections = await Promise.all(
    Array.from({ length: 12 }, () => network.connect({ host: "192.0.2.1", port: 6522 })),
  );
  const greetings = await Promise.all(
    connections.map((one) => one.read(new Uint8Array(22)).catch((error) => error.name)),
  );
  assertEquals(greetings, [...Array(10).fill(22), "ConnectionReset", "ConnectionReset"]);
  const { limit, value } = handlers.serverLines.find(({ event }) => event === "limit reached")!;
  assertEquals([limit, value], ["accept-rate", 1]);
  server.reload({ config: configOf(CHANNELS, TARGETS, "limits: {accept-rate: 0}") });
  const more = await network.connect({ host: "192.0.2.1", port: 6522 });
  assertEquals(await more.read(new Uint8Array(22)), 22);
  await handlers.close(...connections, more);
});

Deno.test("settings that require a restart are returned, and keep their effect", async () => {
  const handlers = new Handlers();
  const { server } = handlers;
  assertEquals(server.reload({ config: configOf("channels: [192.0.2.1, 192.0.2.2]", TARGETS) }), ["channels"]);
  for (const rest of ["pads: system", "pads: system\nworkers: 1"]) {
    assertEquals(server.reload({ config: configOf(CHANNELS, TARGETS, rest) }), ["pads"]);
  }
  assertEquals(server.channels.map(({ host }) => host), ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
  assertEquals(server.reload({ config: configOf(CHANNELS, TARGETS) }), []);
  const { application, target } = await handlers.session();
  await assertCarries(application, target, "over all three");
  await handlers.close(application, target);
});

Deno.test("new keys answer requests, and removed ones don't", async () => {
  const handlers = new Handlers();
  const { server, network } = handlers;
  const { server: key } = await makeKey("hmac");
  const ask = async () => {
    const connection = await network.connect({ host: "192.0.2.1", port: 6522 });
    await readFull(connection, new Uint8Array(22));
    await writeAll(connection, encodeIdentify({ keyId: key.id, nonce: new Uint8Array(32) }));
    const [type] = await readAll(connection);
    connection.close();
    return type === IDENTIFY;
  };
  assertEquals(await ask(), false);
  server.reload({ config: configOf(CHANNELS, TARGETS, "keys: [unused]"), keys: [key] });
  assertEquals(await ask(), true);
  server.reload({ config: configOf(CHANNELS, TARGETS) });
  assertEquals(await ask(), false);
  await handlers.close();
});
