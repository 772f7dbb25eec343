/**
 * Attacks on identification by an adversary on the path to the first address, and other failures: each ends in one log
 * line, and no connection of the application's, neither in the clear nor over channels.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { writeAll } from "../../src/net/connection.ts";
import { encodeGreeting } from "../../src/wire/greeting.ts";
import { changeAnswers, divert, gone, impersonate, joined, type Parts, partsOf } from "../support/handlers/answers.ts";
import { settle } from "../support/time/fake_clock.ts";
import { makeKey, type MethodName, type Pair, scoped } from "../support/handlers/keys.ts";
import { World } from "../support/handlers/world.ts";

const FIRST = "192.0.2.1";
const CHANNELS = ["--channel", FIRST, "--channel", "198.51.100.1", "--channel", "203.0.113.1"];
const WEB = { host: FIRST, port: 80 };
const GREETING = encodeGreeting(new Uint8Array(16));
const TAMPERED = /^192\.0\.2\.1:6522 did not identify its channels: the answer's token is wrong: /;

/** Starts a client that would relay unknown destinations in the clear, if the key's scope did not cover them. */
function startClient(world: World, key: Pair, of = FIRST): void {
  world.startClient(["--unknown", "direct"], scoped(of, key));
}

/** Asserts that an application is reset, one line says why, and only the first address was dialled. */
async function assertRefused(world: World, reason: RegExp, patience = 0): Promise<void> {
  const talking = world.talk(WEB);
  if (patience === Infinity) await world.clock.until(talking);
  else if (patience > 0) {
    await settle();
    // Cryptography runs on other threads, in real time.
    while (world.dialled.length === 0) await settle();
    for (let at = 0; at < 20; at++) await settle();
    await world.clock.advance(patience);
  }
  assertEquals(await talking, "reset");
  const warnings = world.client.warnings();
  assertEquals(warnings.map(([event]) => event), ["connection refused"], JSON.stringify(warnings));
  assertMatch(String(warnings[0]![1]), reason);
  assertEquals(new Set(world.dialled), new Set([`${FIRST}:6522`]));
  world.network.interpose = undefined;
  for (let at = 0; at < 1000 && world.network.openEnds > 0; at++) await settle();
  assertEquals(world.network.openEnds, 0);
}

const CHANGES: Record<string, (parts: Parts) => Parts> = {
  "an address of the list altered": (parts) => ({ ...parts, list: flipped(parts.list, 9) }),
  "a port of the list altered": (parts) => ({ ...parts, list: flipped(parts.list, 6) }),
  "the list's time altered": (parts) => ({ ...parts, list: flipped(parts.list, parts.list.length - 1) }),
  "the list shortened by a channel": (parts) => ({ ...parts, list: without(parts.list, 7, 7) }),
  "the list lengthened by a channel": (parts) => ({ ...parts, list: lengthened(parts.list) }),
  "the list reordered": (parts) => ({ ...parts, list: reordered(parts.list) }),
  "the token altered": (parts) => ({ ...parts, token: flipped(parts.token, 5) }),
  "the token all zeros": (parts) => ({ ...parts, token: new Uint8Array(parts.token.length) }),
};

for (const method of ["hmac", "ed25519"] as MethodName[]) {
  for (const [what, change] of Object.entries(CHANGES)) {
    Deno.test(`an answer with ${what} is refused, ${method}`, async () => {
      await using world = new World();
      const key = await makeKey(method);
      world.startServer(CHANNELS, [key.server]);
      startClient(world, key);
      changeAnswers(world.network, (answer) => joined(change(partsOf(answer))));
      await assertRefused(world, TAMPERED);
    });
  }

  Deno.test(`an answer whose token is cut short is refused, ${method}`, async () => {
    await using world = new World();
    const key = await makeKey(method);
    world.startServer(CHANNELS, [key.server]);
    startClient(world, key);
    changeAnswers(world.network, (answer) => answer.subarray(0, -1));
    await assertRefused(world, /did not identify its channels: closed by the other side$/);
  });

  Deno.test(`an answer replayed under another nonce is refused, ${method}`, async () => {
    await using world = new World();
    const key = await makeKey(method);
    const server = world.startServer([...CHANNELS], [key.server]);
    world.startClient([], scoped(FIRST, key), 6501);
    let recorded: Uint8Array | undefined;
    changeAnswers(world.network, (answer) => recorded = answer);
    // The first client learns the channels; its associations fail on a path that passes only answers.
    world.talk(WEB, 6501);
    await world.client.until("channels identified");
    assertEquals(partsOf(recorded!).head[0], 2);
    await server.close();
    world.network.interpose = undefined;
    await replayed(key, recorded!);
  });
}

/** Another world, in which a client gets only the recorded answer. */
async function replayed(key: Pair, recorded: Uint8Array): Promise<void> {
  await using world = new World();
  startClient(world, key);
  using _ = impersonate(world.network, { host: FIRST, port: 6522 }, GREETING, async (connection) => {
    await writeAll(connection, recorded);
  });
  await assertRefused(world, TAMPERED);
}

Deno.test("an answer from another server with the same key is refused", async () => {
  await using world = new World();
  const key = await makeKey("hmac");
  const other = { host: "192.0.2.77", port: 6522 };
  world.startServer(CHANNELS, [key.server]);
  world.startServer(["--channel", other.host, "--channel", "192.0.2.78"], [key.server]);
  startClient(world, key);
  divert(world.network, { host: FIRST, port: 6522 }, other);
  const refused = assertRefused(world, TAMPERED);
  await world.server.until("channels announced");
  world.dialled.splice(world.dialled.indexOf("192.0.2.77:6522"), 1);
  await refused;
});

Deno.test("an answer for another first address of the same server is refused", async () => {
  await using world = new World();
  const key = await makeKey();
  world.startServer(CHANNELS, [key.server]);
  startClient(world, key);
  divert(world.network, { host: FIRST, port: 6522 }, { host: "203.0.113.1", port: 6522 });
  const refused = assertRefused(world, TAMPERED);
  await world.server.until("channels announced");
  world.dialled.splice(world.dialled.indexOf("203.0.113.1:6522"), 1);
  await refused;
});

Deno.test("server and client report that the server has another key", async () => {
  await using world = new World();
  const [ours, theirs] = [await makeKey(), await makeKey()];
  world.startServer(CHANNELS, [theirs.server]);
  startClient(world, ours);
  await assertRefused(world, new RegExp(`: the server handler has no key ${ours.client.id.toHex()}$`));
  assertEquals(world.server.warnings(), [["channels not announced", "no such key"]]);
});

Deno.test("server and client report that the server has no keys", async () => {
  await using world = new World();
  const key = await makeKey("hmac");
  world.startServer(CHANNELS);
  startClient(world, key);
  await assertRefused(world, /: the server handler has no key [0-9a-f]{16}$/);
  assertEquals(world.server.warnings(), [["channels not announced", "no such key"]]);
});

Deno.test("a server that claims the right key, but has another of the same kind, is refused", async () => {
  await using world = new World();
  const [ours, theirs] = [await makeKey(), await makeKey()];
  world.startServer(CHANNELS, [{ ...theirs.server, id: ours.client.id }]);
  startClient(world, ours);
  await assertRefused(world, TAMPERED);
});

Deno.test("an answer with a method other than the key's is refused before it is read", async () => {
  await using world = new World();
  const key = await makeKey("ed25519");
  startClient(world, key);
  using _ = impersonate(world.network, { host: FIRST, port: 6522 }, GREETING, async (connection) => {
    await writeAll(connection, Uint8Array.of(2, 1, 0, 25));
    await gone(connection);
  });
  await assertRefused(world, /: expected an answer of method 2 \(Ed25519\), got method 1$/);
});

Deno.test("an endless answer is refused by its length, before any of it is read", async () => {
  for (const length of [17, 309, 65535]) {
    await using world = new World();
    const key = await makeKey("hmac");
    startClient(world, key);
    using _ = impersonate(world.network, { host: FIRST, port: 6522 }, GREETING, async (connection) => {
      await writeAll(connection, Uint8Array.of(2, 1, length >> 8, length & 255));
      for (;;) await writeAll(connection, new Uint8Array(1000));
    });
    await assertRefused(world, new RegExp(`: a list of ${length} bytes$`));
  }
});

Deno.test("bytes after an answer are not read", async () => {
  await using world = new World();
  const key = await makeKey();
  world.startServer(CHANNELS, [key.server]);
  startClient(world, key);
  changeAnswers(world.network, (answer) => {
    world.network.interpose = undefined;
    return Uint8Array.from([...answer, ...new Uint8Array(10_000)]);
  });
  assertEquals(await world.talk(WEB), "hello");
});

Deno.test("an answer that stalls times out after five seconds, wherever it stops", async () => {
  for (const length of [0, 1, 3, 4, 30, 60]) {
    await using world = new World();
    const key = await makeKey();
    world.startServer(CHANNELS, [key.server]);
    startClient(world, key);
    changeAnswers(world.network, (answer) => answer.subarray(0, length), "hold");
    await assertRefused(world, /: no answer within 5 s$/, 5000);
  }
});

Deno.test("a greeting that stalls times out after five seconds", async () => {
  for (const length of [0, 1, 21]) {
    await using world = new World();
    startClient(world, await makeKey());
    using _ = impersonate(world.network, { host: FIRST, port: 6522 }, GREETING.subarray(0, length), gone);
    await assertRefused(world, /: no answer within 5 s$/, 5000);
  }
});

Deno.test("an answer unlike a server handler's is refused", async () => {
  const cases: [Uint8Array, RegExp][] = [
    [Uint8Array.of(1, 1, 3, 3), /: expected a list of channels, got a message of type 1$/],
    [Uint8Array.of(255, 5), /: refused for unknown reason 5$/],
    [Uint8Array.of(255, 65), /: refused: this address is not one of the server handler's channels/],
    [Uint8Array.of(), /: closed by the other side$/],
  ];
  for (const [bytes, reason] of cases) {
    await using world = new World();
    startClient(world, await makeKey());
    using _ = impersonate(world.network, { host: FIRST, port: 6522 }, GREETING, (connection) => {
      return writeAll(connection, bytes);
    });
    await assertRefused(world, reason, bytes.length === 0 ? Infinity : 0);
  }
});

Deno.test("a server that is away for the whole time-out is logged in one line", async () => {
  await using world = new World();
  startClient(world, await makeKey());
  await assertRefused(world, /^192\.0\.2\.1:6522 did not identify its channels: Connection refused$/, Infinity);
  assert(world.clock.now() > 4_000 && world.clock.now() < 6_000, `${world.clock.now()}`);
});

Deno.test("a server that is being replaced is asked again, without the application noticing", async () => {
  await using world = new World();
  const key = await makeKey();
  startClient(world, key);
  const talking = world.talk(WEB);
  await world.clock.advance(1_000);
  world.startServer(CHANNELS, [key.server]);
  // Time for one retry, whose cryptography takes real time: the clock stands still meanwhile.
  await world.clock.advance(400);
  assertEquals(await talking, "hello");
});

Deno.test("a server that announces only other addresses is refused", async () => {
  await using world = new World();
  const key = await makeKey();
  world.startServer([...CHANNELS, "--announce=192.0.2.2", "--announce=192.0.2.3", "--announce=192.0.2.4"], [
    key.server,
  ]);
  startClient(world, key);
  await assertRefused(world, TAMPERED);
});

Deno.test("an expired entry is not used: the server is asked again, and the connection refused if it does not answer", async () => {
  await using world = new World();
  const key = await makeKey();
  const server = world.startServer(CHANNELS, [key.server]);
  world.startClient([], scoped(FIRST, key), 6501);
  assertEquals(await world.talk(WEB, 6501), "hello");
  await server.close();
  await world.clock.advance(3_600_000);
  world.dialled.length = world.client.all.length = 0;
  startClient(world, key);
  await assertRefused(world, /: Connection refused$/, Infinity);
});

Deno.test("with an expired entry and no key, the connection is refused rather than relayed directly", async () => {
  await using world = new World();
  const key = await makeKey();
  world.startServer(CHANNELS, [key.server]);
  world.startClient([], scoped(FIRST, key), 6501);
  assertEquals(await world.talk(WEB, 6501), "hello");
  await world.clock.advance(3_600_000);
  world.startClient(["--unknown", "direct"]);
  assertEquals(await world.talk(WEB), "reset");
  const [[event, reason] = []] = world.client.warnings();
  assertEquals(event, "connection refused");
  assertStringIncludes(
    String(reason),
    "the channels learned for 192.0.2.1 expired at 2030-01-01T01:00:00.000Z, and no key is configured for it",
  );
});

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, index) => index === at ? byte ^ 1 : byte);
}

function without(bytes: Uint8Array, at: number, length: number): Uint8Array {
  return Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(at + length)]);
}

function lengthened(list: Uint8Array): Uint8Array {
  return Uint8Array.from([...list.slice(0, -4), 4, 192, 0, 2, 66, 25, 122, ...list.slice(-4)]);
}

function reordered(list: Uint8Array): Uint8Array {
  return Uint8Array.from([...list.slice(7, 14), ...list.slice(0, 7), ...list.slice(14)]);
}
