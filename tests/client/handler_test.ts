/** The client handler with a server handler at the other end of its channels. */
import { assertEquals, assertInstanceOf, assertMatch, assertStringIncludes } from "@std/assert";
import type { Address } from "../../src/net/address.ts";
import { writeAll } from "../../src/net/connection.ts";
import { settle } from "../support/time/fake_clock.ts";
import { events, FORWARD, Handlers, type Line, lineOf, REDIRECT } from "../support/handlers/handlers_in_memory.ts";
import { Interposer } from "../support/network/interposer.ts";
import type { Interposed } from "../support/network/memory_network.ts";
import "../support/system/native.ts";
import { readAll, readToEnd, sendAll } from "../support/handlers/pair.ts";
import { forSeeds } from "../support/random/random.ts";

const NONE = new Uint8Array(0);

const { ConnectionReset } = Deno.errors;

/** Broken channels end their associations. */
const NO_REJOIN = "timeouts: {rejoin: 0}";

Deno.test("a forward carries a connection to the target, complete in both directions, with any chunking", async () => {
  await forSeeds(5, async (random) => {
    const handlers = new Handlers({
      capacity: random.pick([700, 65536]),
      chunk: (available) => random.below(available),
    });
    const { application, target } = await handlers.session();
    const [up, down] = [random.bytes(random.below(40_000)), random.bytes(random.below(40_000))];
    const [gotUp, gotDown] = await Promise.all([
      readAll(target),
      readAll(application),
      sendAll(application, up),
      sendAll(target, down),
    ]);
    assertEquals(gotUp, up);
    assertEquals(gotDown, down);
    await handlers.close(application, target);
  });
});

Deno.test("the client handler logs a session in one line, with its bytes and the reason of its end", async () => {
  const handlers = new Handlers();
  const { application, target } = await handlers.session();
  await Promise.all([
    readAll(target),
    readAll(application),
    sendAll(application, new Uint8Array(1234)),
    sendAll(target, new Uint8Array(56_789)),
  ]);
  await settle();
  const { clientLines: lines } = handlers;
  assertEquals(events(lines), ["association", "session", "session ended"]);
  const { from, ...ended } = lineOf(lines, "session ended");
  assertMatch(String(from), /^198\.18\.0\.1:\d+$/);
  assertEquals(ended, {
    ...{ level: "info", event: "session ended", server: "web", port: 80 },
    ...{ "bytes-up": 1234, "bytes-down": 56_789, ms: 0, reason: "both sides ended" },
  });
  assertEquals(lines.filter(({ level }) => level !== "debug").length, 1);
  assertEquals(lineOf(lines, "association").channels, 3);
  await handlers.close(application, target);
});

Deno.test("both logs give a session the same name, prefixed by its association", async () => {
  const handlers = new Handlers();
  for (const event of ["session ended", "session ended", "session reset"]) {
    const { application, target } = await handlers.session();
    if (event === "session reset") {
      await writeAll(application, new Uint8Array(10));
      await target.read(new Uint8Array(10));
      application.reset();
      await readToEnd(target);
    } else {await Promise.all([
        readAll(target),
        readAll(application),
        sendAll(application, NONE),
        sendAll(target, NONE),
      ]);}
    application.close();
    target.close();
    await settle();
  }
  const refused = await handlers.network.connect({ host: "127.0.0.1", port: 8082 });
  await readToEnd(refused);
  refused.close();
  await settle();
  const names = (lines: readonly Line[]) =>
    lines.filter(({ event, level }) => event.startsWith("session") && level !== "debug").map(({ session }) => session);
  // A reset and a refusal concern their session alone.
  const { association } = handlers.clientLines.find(({ event }) => event === "association")!;
  assertMatch(String(association), /^[0-9a-f]{12}$/);
  assertEquals(names(handlers.clientLines), [1, 2, 3, 4].map((count) => `${association}.${count}`));
  assertEquals(names(handlers.serverLines), names(handlers.clientLines));
  await handlers.close();
});

Deno.test("up to ten refused sessions in ten seconds get a line each, further ones a count", async () => {
  const handlers = new Handlers();
  for (let count = 0; count < 25; count++) {
    const application = await handlers.network.connect({ host: "127.0.0.1", port: 8082 });
    await readToEnd(application);
    application.close();
  }
  await settle();
  await handlers.clock.advance(10_000);
  for (const lines of [handlers.serverLines, handlers.clientLines]) {
    const refused = lines.filter(({ event }) => event === "session refused");
    assertEquals(refused.map((line) => line["more-times"]), [...Array(10).fill(undefined), 15]);
  }
  await handlers.close();
});

Deno.test("both sides log the reset of an application", async () => {
  const handlers = new Handlers();
  const { application, target } = await handlers.session();
  await writeAll(application, new Uint8Array(10));
  await target.read(new Uint8Array(10));
  application.reset();
  assertInstanceOf((await readToEnd(target)).error, ConnectionReset);
  await settle();
  const atClient = lineOf(handlers.clientLines, "session reset");
  assertEquals([atClient["bytes-up"], atClient.level], [10, "warn"]);
  assertStringIncludes(String(atClient.reason), "Connection reset");
  const atServer = lineOf(handlers.serverLines, "session reset");
  assertEquals([atServer["bytes-up"], atServer.reason], [10, "reset by the other side: application"]);
  await handlers.close(target);
});

Deno.test("a redirected connection goes to the server at its original destination, and to the same port", async () => {
  for (const host of ["192.0.2.1", "192.0.2.2", "192.0.2.3"]) {
    const handlers = new Handlers();
    handlers.originalDestination = () => ({ host, port: 80 });
    const { application, target } = await handlers.session(REDIRECT);
    await writeAll(application, Uint8Array.of(5));
    assertEquals(await target.read(new Uint8Array(1)), 1);
    assertEquals(lineOf(handlers.clientLines, "session").port, 80);
    await handlers.close(application, target);
  }
});

Deno.test("a redirected connection to an unknown destination, or back to the handler, is only reset and logged", async () => {
  const cases: [string, () => Address][] = [
    ["an unknown host", () => ({ host: "203.0.113.9", port: 80 })],
    ["a port that the server does not serve", () => ({ host: "192.0.2.2", port: 25 })],
    ["the redirect itself", () => REDIRECT],
    ["a forward", () => FORWARD],
    ["an unknown destination", () => {
      throw new Error("the system does not know where the connection was to go");
    }],
  ];
  for (const [what, originalDestination] of cases) {
    const handlers = new Handlers();
    handlers.originalDestination = originalDestination;
    const application = await handlers.network.connect(REDIRECT);
    const { bytes, error } = await readToEnd(application);
    assertEquals(bytes.length, 0, what);
    assertInstanceOf(error, ConnectionReset, what);
    await settle();
    assertEquals(events(handlers.clientLines), ["connection refused"], what);
    assertEquals(handlers.serverLines, [], what);
    assertEquals(handlers.network.openEnds, 1, what);
    await handlers.close(application);
  }
});

Deno.test("a channel that can't connect resets the application, and the log names the channel", async () => {
  const handlers = new Handlers({
    onConnect: ({ host }) =>
      host === "192.0.2.3" ? Promise.reject(new Deno.errors.NetworkUnreachable("Network is unreachable")) : undefined,
  });
  const application = await handlers.network.connect(FORWARD);
  assertInstanceOf((await readToEnd(application)).error, ConnectionReset);
  assertEquals(
    lineOf(handlers.clientLines, "session refused").reason,
    "channel 3 (192.0.2.3:6522): Network is unreachable",
  );
  await handlers.close(application);
});

Deno.test("a broken channel resets the application and the target, and both logs name the channel", async () => {
  const paths = new Map<string, Interposer>();
  const interpose = (path: Interposed, { host, port }: Address) => {
    const interposer = new Interposer(path);
    if (port === 6522) paths.set(host, interposer);
  };
  const handlers = new Handlers({ interpose }, { client: NO_REJOIN, server: NO_REJOIN });
  const { application, target } = await handlers.session();
  await writeAll(application, Uint8Array.of(1));
  await target.read(new Uint8Array(1));
  paths.get("192.0.2.2")!.reset();
  assertInstanceOf((await readToEnd(application)).error, ConnectionReset);
  assertInstanceOf((await readToEnd(target)).error, ConnectionReset);
  await settle();
  for (const lines of [handlers.clientLines, handlers.serverLines]) {
    assertStringIncludes(String(lineOf(lines, "session reset").reason), "channel 2 (192.0.2.2:6522): ");
  }
  application.close();
  target.close();
  await settle();
  await handlers.close();
});

Deno.test("a channel that falls silent during a session resets both ends, and the log says for how long it was silent", async () => {
  const paths = new Map<string, Interposer>();
  const interpose = (path: Interposed, { host, port }: Address) => {
    const interposer = new Interposer(path);
    if (port === 6522) paths.set(host, interposer);
  };
  const handlers = new Handlers({ interpose }, { client: NO_REJOIN, server: NO_REJOIN });
  const { application, target } = await handlers.session();
  await writeAll(application, Uint8Array.of(1));
  await target.read(new Uint8Array(1));
  paths.get("192.0.2.2")!.silence();
  const resets = Promise.all([readToEnd(application), readToEnd(target)]);
  await handlers.clock.advance(60_000);
  for (const { error } of await resets) assertInstanceOf(error, ConnectionReset);
  for (const lines of [handlers.clientLines, handlers.serverLines]) {
    assertMatch(String(lineOf(lines, "session reset").reason), /^channel \d \(192\.0\.2\.\d:6522\): |ending/);
  }
  application.close();
  target.close();
  await settle();
  await handlers.close();
});

Deno.test("closing aborts a handshake under way, and resets its application", async () => {
  const handlers = new Handlers({ onConnect: ({ host }) => host === "192.0.2.2" ? new Promise(() => {}) : undefined });
  const application = await handlers.network.connect(FORWARD);
  await settle();
  assertEquals(handlers.client.sessions, 1);
  await handlers.client.close();
  assertInstanceOf((await readToEnd(application)).error, ConnectionReset);
  assertStringIncludes(String(lineOf(handlers.clientLines, "session refused").reason), "the handler is ending");
  await handlers.close(application);
});

Deno.test("fifty concurrent applications that end or are reset leave nothing open", async () => {
  await forSeeds(2, async (random) => {
    const handlers = new Handlers({ chunk: (available) => random.below(available) });
    const serving = (async () => {
      const echoes: Promise<void>[] = [];
      for (let target = await handlers.targets.accept(); target !== null; target = await handlers.targets.accept()) {
        const connection = target;
        echoes.push(
          (async () => {
            const buffer = new Uint8Array(1000);
            for (let length = await connection.read(buffer); length !== null; length = await connection.read(buffer)) {
              await writeAll(connection, buffer.subarray(0, length));
            }
            await connection.closeWrite();
          })().catch(() => {}).finally(() => connection.close()),
        );
      }
      await Promise.all(echoes);
    })();
    await Promise.all(Array.from({ length: 50 }, async (_, index) => {
      for (let turns = random.below(100); turns > 0; turns--) await Promise.resolve();
      const application = await handlers.network.connect(FORWARD);
      const bytes = new Uint8Array(random.below(5000)).fill(index);
      if (random.below(4) === 0) {
        await writeAll(application, bytes);
        application.reset();
        return;
      }
      const [got] = await Promise.all([readAll(application), sendAll(application, bytes)]);
      assertEquals(got, bytes);
      application.close();
    }));
    await settle();
    assertEquals(handlers.client.sessions, 0);
    await handlers.close();
    await serving;
  });
});
