/** Finding the server of an address, with in-memory handlers; identified_test.ts covers learning. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Database } from "../../../src/identify/database.ts";
import { settle } from "../../support/time/fake_clock.ts";
import { makeKey, scoped } from "../../support/handlers/keys.ts";
import { World } from "../../support/handlers/world.ts";

const CHANNELS = ["--channel", "192.0.2.1", "--channel", "198.51.100.1"];
const SERVER = ["--server", "web=192.0.2.1,198.51.100.1"];
const WEB = { host: "192.0.2.1", port: 80 };
const ELSEWHERE = { host: "203.0.113.9", port: 80 };

/** Reasons of refused connections. */
function refusals(world: World): unknown[] {
  return world.client.of("connection refused").map(({ reason }) => reason);
}

Deno.test("a configured server is found by any channel's address and by its name", async () => {
  await using world = new World();
  world.startServer(CHANNELS);
  world.startClient(SERVER);
  for (const host of ["192.0.2.1", "198.51.100.1", "::ffff:192.0.2.1", "web"]) {
    assertEquals(await world.talk({ host, port: 80 }), "hello", host);
  }
});

Deno.test("the configuration takes precedence over learned channels and keys", async () => {
  await using world = new World();
  const key = await makeKey();
  using database = new Database(world.database);
  const channels = [{ host: "192.0.2.1", port: 1 }, { host: "192.0.2.2", port: 1 }];
  const entry = { channels, source: "import", learned: 0, expires: null, key: null } as const;
  database.put([{ ...entry, address: "192.0.2.1" }]);
  world.startServer(CHANNELS, [key.server]);
  world.startClient(SERVER, scoped("192.0.2.0/24", key));
  assertEquals(await world.talk(WEB), "hello");
  assertEquals(world.server.of("channels announced").length, 0);
});

Deno.test("imported channels work without a key, removed ones do not", async () => {
  await using world = new World();
  using database = new Database(world.database);
  const channels = [{ host: "192.0.2.1", port: 6522 }, { host: "198.51.100.1", port: 6522 }];
  const entry = { channels, source: "import", learned: 0, expires: null, key: null } as const;
  database.put([{ ...entry, address: "192.0.2.1" }]);
  world.startServer(CHANNELS);
  world.startClient([]);
  assertEquals(await world.talk(WEB), "hello");
  // Knowledge about one address does not extend to the next.
  assertEquals(await world.talk({ host: "198.51.100.1", port: 80 }), "reset");
  database.forget();
  assertEquals(await world.talk(WEB), "reset");
});

Deno.test("a client whose servers are all configured does not touch the database", async () => {
  await using world = new World();
  world.startServer(CHANNELS);
  world.startClient(SERVER);
  Deno.writeTextFileSync(world.database, "no database", { mode: 0o600 });
  assertEquals(await world.talk(WEB), "hello");
  assertEquals(world.client.warnings(), []);
});

Deno.test("a damaged database is logged in one line, and the handler goes on without it", async () => {
  await using world = new World();
  const key = await makeKey();
  Deno.writeTextFileSync(world.database, "no database".repeat(1000), { mode: 0o600 });
  world.startServer(CHANNELS, [key.server]);
  world.startClient([], scoped("192.0.2.1", key));
  assertEquals([await world.talk(WEB), await world.talk(WEB)], ["hello", "hello"]);
  const reason = "damaged, not used; delete it, as its contents can be learned again";
  assertEquals(world.client.warnings(), [["database not used", reason]]);
  assertEquals(world.server.of("channels announced").length, 1);
});

Deno.test("an unknown destination is relayed in the clear if permitted, with a warning", async () => {
  await using world = new World();
  world.startClient(["--unknown", "direct"]);
  assertEquals(await world.talk({ host: "10.9.9.9", port: 80 }), "hello");
  const [line] = world.client.of("passed on in the clear");
  assertEquals([line!["destination"], line!.level], ["10.9.9.9:80", "warn"]);
  assertEquals(world.dialled, ["10.9.9.9:80"]);
});

Deno.test("direct connections preserve half-closes and resets", async () => {
  await using world = new World();
  world.startClient(["--unknown", "direct"]);
  const target = world.network.listen(ELSEWHERE);
  {
    const application = await world.connect(ELSEWHERE);
    const there = (await target.accept())!;
    await application.closeWrite();
    assertEquals(await there.read(new Uint8Array(1)), null);
    await there.write(Uint8Array.of(7));
    there.close();
    const last = new Uint8Array(1);
    assertEquals([await application.read(last), last[0], await application.read(last)], [1, 7, null]);
    application.close();
  }
  const application = await world.connect(ELSEWHERE);
  const there = (await target.accept())!;
  there.reset();
  const error = await application.read(new Uint8Array(1)).catch((error) => error);
  assert(error instanceof Deno.errors.ConnectionReset);
  target.close();
});

Deno.test("a failed direct connection is refused with the reason", async () => {
  await using world = new World();
  world.startClient(["--unknown", "direct"]);
  assertEquals(await world.talk(ELSEWHERE), "reset");
  assertEquals(refusals(world), ["Connection refused"]);
});

Deno.test("closing resets direct connections, and aborts pending ones", async () => {
  await using world = new World();
  const client = world.startClient(["--unknown", "direct"]);
  const open = await world.connect({ host: "10.9.9.9", port: 80 });
  await world.client.until("passed on in the clear");
  const { onConnect } = world.network;
  world.network.onConnect = (to, from) => to.port === 81 ? new Promise(() => {}) : onConnect(to, from);
  const pending = await world.connect({ host: "10.9.9.9", port: 81 });
  await settle();
  await client.close();
  // The interval over which refused connections are counted.
  await world.clock.advance(10_000);
  for (const application of [open, pending]) {
    const error = await application.read(new Uint8Array(1)).catch((error) => error);
    assert(error instanceof Deno.errors.ConnectionReset);
  }
  assertEquals([refusals(world), world.clock.pending], [["the handler is ending"], 0]);
});

Deno.test("nothing is relayed in the clear while the database is unusable", async () => {
  await using world = new World();
  Deno.writeTextFileSync(world.database, "no database".repeat(1000), { mode: 0o600 });
  world.startClient(["--unknown", "direct"]);
  assertEquals(await world.talk({ host: "10.9.9.9", port: 80 }), "reset");
  assertEquals(refusals(world), ["it may be a server's: the database of learned channels can't be used"]);
  assertEquals(world.dialled, []);
});

Deno.test("nothing is relayed in the clear while a configured name is unresolved", async () => {
  await using world = new World();
  world.startClient(["--unknown", "direct", "--server", "web=a.example,b.example"]);
  assertEquals(await world.talk({ host: "10.9.9.9", port: 80 }), "reset");
  assertEquals(refusals(world), ["it may be a server's: a.example, b.example could not be resolved yet"]);
  world.names = { "a.example": ["192.0.2.1"], "b.example": ["198.51.100.1"] };
  await world.clock.advance(5_000);
  assertEquals(await world.talk({ host: "10.9.9.9", port: 80 }), "hello");
});

Deno.test("a direct connection that a rule sends back is refused, and not relayed again", async () => {
  await using world = new World();
  world.startClient(["--unknown", "direct"]);
  world.redirectAll(ELSEWHERE);
  assertEquals(await world.talk(ELSEWHERE), "reset");
  assertEquals(refusals(world).length, 1);
  assertStringIncludes(String(refusals(world)[0]), "this handler's own connection came back to it");
  assertEquals(world.dialled, ["203.0.113.9:80"]);
});

Deno.test("a connection to a channel, configured, learned or in a key's scope, is refused as one that came back", async () => {
  await using world = new World();
  const key = await makeKey();
  world.startServer(CHANNELS, [key.server]);
  world.startClient(["--server", "db=203.0.113.1,203.0.113.2:7000", "--unknown", "direct"], scoped("192.0.2.1", key));
  const channel = "it is a channel: exempt this handler's connections from the rules, by its user or group";
  for (const [host, port] of [["203.0.113.1", 6522], ["203.0.113.2", 7000], ["192.0.2.1", 6522]] as const) {
    assertEquals(await world.talk({ host, port }), "reset");
  }
  assertEquals(await world.talk(WEB), "hello");
  assertEquals(await world.talk({ host: "198.51.100.1", port: 6522 }), "reset");
  assertEquals(refusals(world), [channel, channel, channel, channel]);
});

Deno.test("a connection to the handler itself is always refused", async () => {
  await using world = new World();
  world.startClient(["--unknown", "direct"]);
  assertEquals(await world.talk({ host: "127.0.0.1", port: 6500 }), "reset");
  assertEquals(refusals(world), ["it is this handler's own address: connect to the server's address instead"]);
});

Deno.test("channels' names are resolved, and any of their addresses finds the server", async () => {
  await using world = new World();
  world.names = { "a.example": ["192.0.2.1", "192.0.2.2"], "b.example": ["198.51.100.1"] };
  world.startServer(CHANNELS);
  world.startClient(["--server", "web=a.example,b.example"]);
  for (const host of ["192.0.2.1", "192.0.2.2", "198.51.100.1", "a.example", "web"]) {
    assertEquals(await world.talk({ host, port: 80 }), "hello", host);
  }
});

Deno.test("a name that is not configured leads to the server that has its address", async () => {
  await using world = new World();
  world.names = { "www.example": ["198.51.100.1"] };
  world.startServer(CHANNELS);
  world.startClient(SERVER);
  assertEquals(await world.talk({ host: "www.example", port: 80 }), "hello");
  assertEquals(await world.talk({ host: "x.example", port: 80 }), "reset");
  assertEquals(refusals(world), ["x.example: the name is not known"]);
});

Deno.test("names with one address in common are an error, never one path for two channels", async () => {
  await using world = new World();
  world.names = { "a.example": ["192.0.2.1"], "b.example": ["192.0.2.1"] };
  world.startServer(CHANNELS);
  world.startClient(["--server", "web=a.example,b.example", "--unknown", "direct"]);
  assertEquals(await world.talk(WEB), "reset");
  assertEquals(refusals(world), [
    "server web: the 2 channels resolve to only 1 address (192.0.2.1); each channel needs one of its own",
  ]);
  assertEquals(world.dialled, []);
});

Deno.test("a name that starts to resolve to another channel's address is an error from then on", async () => {
  await using world = new World();
  world.names = { "b.example": ["198.51.100.1"] };
  world.startServer(CHANNELS);
  world.startClient(["--server", "web=192.0.2.1,b.example"]);
  assertEquals(await world.talk(WEB), "hello");
  world.names = { "b.example": ["192.0.2.1"] };
  await world.clock.advance(60_000);
  assertEquals(await world.talk(WEB), "reset");
  assertStringIncludes(String(refusals(world)[0]), "the 2 channels resolve to only 1 address");
});

Deno.test("a name's new address is used once it is known, the old one while the look-up fails", async () => {
  await using world = new World();
  world.names = { "b.example": ["198.51.100.1"] };
  world.startServer([...CHANNELS, "--channel", "198.51.100.2"]);
  world.startClient(["--server", "web=192.0.2.1,b.example"]);
  assertEquals(await world.talk(WEB), "hello");
  world.names = {};
  await world.clock.advance(60_000);
  assertEquals(await world.talk(WEB), "hello");
  world.names = { "b.example": ["198.51.100.2"] };
  await world.clock.advance(5_000);
  world.dialled.length = 0;
  assertEquals(await world.talk(WEB), "hello");
  assert(world.dialled.includes("198.51.100.2:6522"));
  assert(!world.dialled.includes("198.51.100.1:6522"));
});

Deno.test("a key for a name applies to the name's addresses", async () => {
  await using world = new World();
  const key = await makeKey();
  world.names = { "web.example": ["192.0.2.1"] };
  world.startServer(CHANNELS, [key.server]);
  world.startClient([], scoped("web.example", key));
  await settle();
  assertEquals([await world.talk(WEB), await world.talk({ ...WEB, host: "web.example" })], ["hello", "hello"]);
  assertEquals(world.server.of("channels announced").length, 1);
});

Deno.test("a name belongs to a server if any of its addresses does, in any order", async () => {
  await using world = new World();
  world.names = { "a.test": ["203.0.113.9", "192.0.2.1"], "b.test": ["198.51.100.1", "203.0.113.9"] };
  world.startServer(CHANNELS);
  world.startClient([...SERVER, "--unknown", "direct"]);
  for (const host of ["a.test", "b.test"]) assertEquals(await world.talk({ host, port: 80 }), "hello", host);
  assertEquals(world.client.of("passed on in the clear"), []);
});

Deno.test("learned channels of any of its addresses make a name a server's", async () => {
  await using world = new World();
  using database = new Database(world.database);
  const channels = [{ host: "192.0.2.1", port: 6522 }, { host: "198.51.100.1", port: 6522 }];
  database.put([{ channels, source: "import", learned: 0, expires: null, key: null, address: "192.0.2.1" }]);
  world.names = { "a.test": ["203.0.113.9", "192.0.2.1"] };
  world.startServer(CHANNELS);
  world.startClient(["--unknown", "direct"]);
  assertEquals(await world.talk({ host: "a.test", port: 80 }), "hello");
  assertEquals(world.client.of("passed on in the clear"), []);
});

Deno.test("a name is relayed to the first of its addresses that accepts", async () => {
  await using world = new World();
  world.names = { "a.test": ["203.0.113.9", "10.9.9.9"] };
  world.startClient(["--unknown", "direct"]);
  assertEquals(await world.talk({ host: "a.test", port: 80 }), "hello");
  assertEquals(world.dialled, ["203.0.113.9:80", "10.9.9.9:80"]);
  assertEquals(world.client.of("passed on in the clear")[0]!["destination"], "10.9.9.9:80");
});

Deno.test("an absolute name is resolved as given, and finds a server with and without its final dot", async () => {
  await using world = new World();
  world.names = { "one.test.": ["10.9.9.9"], "one.test": ["203.0.113.9"], "c.test.": ["192.0.2.1"] };
  world.startServer(CHANNELS);
  world.startClient(["--server", "web=c.test.,198.51.100.1", "--unknown", "direct"]);
  assertEquals(await world.talk({ host: "one.test.", port: 80 }), "hello");
  assertEquals(world.client.of("passed on in the clear")[0]!["destination"], "10.9.9.9:80");
  for (const host of ["c.test", "c.test.", "web."]) assertEquals(await world.talk({ host, port: 80 }), "hello", host);
  assertEquals(world.client.of("passed on in the clear").length, 1);
});

Deno.test("no spelling of the unspecified address leads back to the handler, or past a server at loopback", async () => {
  await using world = new World();
  world.names = { "blocked.test": ["0.0.0.0"] };
  world.startServer(["--channel", "127.0.0.1:6522", "--channel", "127.0.0.2:6522"]);
  world.startClient(["--server", "web=127.0.0.1,127.0.0.2", "--unknown", "direct"]);
  for (const host of ["0.0.0.0", "::ffff:0.0.0.0", "blocked.test"]) {
    assertEquals(await world.talk({ host, port: 6500 }), "reset", host);
    assertEquals(await world.talk({ host, port: 80 }), "hello", host);
  }
  assertEquals(
    new Set(refusals(world)),
    new Set(["it is this handler's own address: connect to the server's address instead"]),
  );
  assertEquals(world.client.of("passed on in the clear"), []);
});

Deno.test("a channel with a name is reached at the first of its addresses that accepts", async () => {
  await using world = new World();
  world.names = { "a.test": ["203.0.113.1", "192.0.2.1"], "b.test": ["203.0.113.1", "198.51.100.1"] };
  world.startServer(CHANNELS);
  world.startClient(["--server", "web=a.test,b.test"]);
  assertEquals(await world.talk({ host: "web", port: 80 }), "hello");
  // No address is tried for two channels.
  const channels = new Set(world.dialled.filter((address) => address.endsWith(":6522")));
  assertEquals([...channels].sort(), ["192.0.2.1:6522", "198.51.100.1:6522", "203.0.113.1:6522"]);
});
