/** A server handler's answers to identification requests, behind NAT too. */
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { UsageError } from "../../src/config/problems.ts";
import { type Address, formatAddress } from "../../src/net/address.ts";
import { closeProbe } from "../../src/identify/probe.ts";
import { writeAll } from "../../src/net/connection.ts";
import { identify } from "../../src/identify/exchange.ts";
import { makeKey } from "../support/handlers/keys.ts";
import { readToEnd } from "../support/handlers/pair.ts";
import { World } from "../support/handlers/world.ts";

const KEY = await makeKey("hmac");
const LISTENING = ["--channel", "10.0.0.1", "--channel", "10.0.0.2:7000"];
const PUBLIC = ["--announce", "192.0.2.1", "--announce", "198.51.100.1:443"];

/** The answer to a client that connects to `at`, which the network forwards to `to`. */
async function ask(world: World, at: Address, to: Address = at): Promise<string> {
  const { network, clock } = world;
  network.route = (address) => address.host === at.host && address.port === at.port ? to : address;
  try {
    const { channels, valid } = await identify(at, [KEY.client], { network, clock, timeout: 5000 });
    return `${channels.map(formatAddress)} ${valid}`;
  } catch (error) {
    return String(error);
  }
}

Deno.test("a server announces its channels at any of them", async () => {
  await using world = new World();
  const handler = world.startServer(LISTENING, [KEY.server]);
  const expected = "10.0.0.1:6522,10.0.0.2:7000 3600";
  assertEquals(await ask(world, { host: "10.0.0.1", port: 6522 }), expected);
  assertEquals(await ask(world, { host: "10.0.0.2", port: 7000 }), expected);
  assertEquals(world.server.of("channels announced").map(({ channel }) => channel), ["10.0.0.1:6522", "10.0.0.2:7000"]);
  assertEquals(handler.activity.identified.entries(), [["announced", 2]]);
});

Deno.test("a server behind NAT announces the addresses that clients reach, and clients accept them", async () => {
  await using world = new World();
  world.startServer([...LISTENING, ...PUBLIC], [KEY.server]);
  const expected = "192.0.2.1:6522,198.51.100.1:443 3600";
  const [a, b] = [{ host: "10.0.0.1", port: 6522 }, { host: "10.0.0.2", port: 7000 }];
  assertEquals(await ask(world, { host: "192.0.2.1", port: 6522 }, a), expected);
  assertEquals(await ask(world, { host: "198.51.100.1", port: 443 }, b), expected);
  // Neither the address behind NAT nor the other channel's.
  assertMatch(await ask(world, a), /the answer's token is wrong/);
  assertMatch(await ask(world, { host: "192.0.2.1", port: 6522 }, b), /the answer's token is wrong/);
});

Deno.test("a server on all addresses of its machine answers clients that connect to an announced one", async () => {
  await using world = new World();
  const announce = ["--announce", "10.0.0.1", "--announce", "10.0.0.2", "--announce", "[2001:db8::1]:6523"];
  world.startServer(["--channel", "0.0.0.0", "--channel", "[::]:6523", ...announce], [KEY.server]);
  for (const [host, port] of [["10.0.0.1", 6522], ["10.0.0.2", 6522], ["2001:db8::1", 6523]] as const) {
    assertEquals(await ask(world, { host, port }), "10.0.0.1:6522,10.0.0.2:6522,[2001:db8::1]:6523 3600");
  }
  assertMatch(
    await ask(world, { host: "10.0.0.3", port: 6522 }),
    /this address is not one of the server handler's channels/,
  );
  assertEquals(world.server.warnings(), [
    ["channels not announced", "the client connected to an address that is not announced; see the setting announce"],
  ]);
});

Deno.test("a server with several keys answers with the key that the client has", async () => {
  await using world = new World();
  const other = await makeKey("ed25519");
  world.startServer(LISTENING, [other.server, KEY.server]);
  const { network, clock } = world;
  const at = { host: "10.0.0.1", port: 6522 };
  for (const { client } of [KEY, other]) {
    assertEquals((await identify(at, [client], { network, clock, timeout: 5000 })).key, client);
  }
});

Deno.test("a connection is closed after its identification request, and associations are unaffected", async () => {
  await using world = new World();
  const server = world.startServer(LISTENING, [KEY.server]);
  const before = world.network.openEnds;
  await Promise.all(Array.from({ length: 20 }, () => ask(world, { host: "10.0.0.1", port: 6522 })));
  for (let turn = 0; turn < 1000 && world.network.openEnds > before; turn++) await new Promise((go) => setTimeout(go));
  assertEquals([world.network.openEnds, server.associations], [before, 0]);
});

Deno.test("announced addresses must be usable by clients", async () => {
  await using world = new World();
  const cases: [string[], string][] = [
    [["--announce=192.0.2.1"], "only one channel; give 2 to 16"],
    [["--announce=192.0.2.1", "--announce=192.0.2.1:7000"], "two channels use 192.0.2.1, and so one path"],
    [
      ["--announce=192.0.2.1", "--announce=web.example"],
      "a host name can't be announced: web.example; give its IP address",
    ],
    [
      ["--announce=192.0.2.1", "--announce=192.0.2.2", "--announce=192.0.2.3"],
      "3 announced for 2 channels; give one address per channel",
    ],
  ];
  for (const [args, message] of cases) {
    assertThrows(
      () => world.startServer([...LISTENING, ...args], [KEY.server]),
      UsageError,
      message,
    );
  }
  const everywhere = ["--channel", "0.0.0.0", "--channel", "[::]"];
  assertThrows(
    () => world.startServer(everywhere, [KEY.server]),
    UsageError,
    "a wildcard address can't be announced; give the public addresses with announce",
  );
});

Deno.test("a client that only measures a path is told from a stranger, at level debug, whatever the server's keys", async () => {
  for (const keys of [[KEY.server], []]) {
    await using world = new World();
    const handler = world.startServer(LISTENING, keys);
    for (let count = 0; count < 30; count++) {
      await closeProbe(await world.network.connect({ host: "10.0.0.1", port: 6522 }), world.clock);
    }
    await world.server.until("channel probed", 10);
    await world.clock.advance(0);
    assertEquals(handler.levels().waiting, 0);
    assertEquals(world.server.warnings(), []);
    const lines = world.server.of("channel probed");
    assertEquals([lines.length, lines[0]?.level, lines[0]?.reason], [10, "debug", "the client only measures the path"]);
    assertEquals(handler.activity.identified.entries(), [["probe", 30]]);
  }
});

Deno.test("a client that measures a path waits a second for a greeting, and asks nothing of another version", async () => {
  await using world = new World();
  const { network, clock } = world;
  const address = { host: "10.0.0.9", port: 80 };
  const listener = network.listen(address);
  for (
    const greeting of [Uint8Array.of(77), Uint8Array.of(...new TextEncoder().encode("MICSS"), 1, ...new Uint8Array(16))]
  ) {
    const closed = closeProbe(await network.connect(address), clock);
    const other = (await listener.accept())!;
    await writeAll(other, greeting);
    await clock.advance(1000);
    await closed;
    assertEquals((await readToEnd(other)).bytes.length, 0);
    other.close();
  }
  listener.close();
});
