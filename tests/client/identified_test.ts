/** A client handler with one address and one key, over an in-memory network. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { makeKey, type MethodName, scoped } from "../support/handlers/keys.ts";
import { World } from "../support/handlers/world.ts";

const FIRST = "192.0.2.1";
const CHANNELS = ["--channel", FIRST, "--channel", "198.51.100.1", "--channel", "[2001:db8::1]"];
const WEB = { host: FIRST, port: 80 };

for (const method of ["hmac", "ed25519"] as MethodName[]) {
  Deno.test(`a client with one address and one ${method} key reaches the server over all channels`, async () => {
    await using world = new World();
    const key = await makeKey(method);
    world.startServer(CHANNELS, [key.server]);
    world.startClient([], scoped(FIRST, key));
    assertEquals(await world.talk(WEB), "hello");
    assertEquals(world.dialled[0], `${FIRST}:6522`);
    assertEquals(
      new Set(world.dialled.slice(1)),
      new Set([`${FIRST}:6522`, "198.51.100.1:6522", "2001:db8::1:6522", "10.9.9.9:80"]),
    );
    const { channels, address, key: id } = world.client.of("channels identified")[0]!;
    assertEquals([address, id], [FIRST, key.client.id.toHex()]);
    assertEquals(channels, "192.0.2.1:6522,198.51.100.1:6522,[2001:db8::1]:6522");
    assertEquals(world.client.warnings(), []);
  });
}

Deno.test("neither a second connection nor another client with the same database repeats the exchange", async () => {
  await using world = new World();
  const key = await makeKey();
  world.startServer(CHANNELS, [key.server]);
  world.startClient([], scoped(FIRST, key));
  assertEquals([await world.talk(WEB), await world.talk(WEB)], ["hello", "hello"]);
  assertEquals(world.server.of("channels announced").length, 1);
  world.startClient([], [], 6501);
  assertEquals(await world.talk(WEB, 6501), "hello");
  assertEquals(world.server.of("channels announced").length, 1);
  assertEquals(Deno.statSync(world.database).mode! & 0o777, 0o600);
});

Deno.test("a forward can lead to an address in a key's scope", async () => {
  await using world = new World();
  const key = await makeKey();
  world.startServer(CHANNELS, [key.server]);
  const forward = ["--forward", `127.0.0.1:8080=${FIRST}:80`];
  world.startClient([...forward], scoped(FIRST, key));
  assertEquals(await world.talk(WEB, 8080), "hello");
});

Deno.test("without a server, a key or an entry, a connection is refused and logged in one line", async () => {
  await using world = new World();
  world.startClient([]);
  assertEquals(await world.talk(WEB), "reset");
  const reason =
    "no server with this address and port is configured or learned, and no key is configured to identify one";
  assertEquals(world.client.warnings(), [["connection refused", reason]]);
  assertEquals(world.dialled, []);
  assertStringIncludes(JSON.stringify(world.client.all[0]), `"destination":"${FIRST}:80"`);
});
