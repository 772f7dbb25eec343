/** The client handler with a server handler at the other end of its channels. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { MAX_HANDSHAKES } from "../../src/client/dial/handshake_queue.ts";
import { writeAll } from "../../src/net/connection.ts";
import { settle } from "../support/time/fake_clock.ts";
import { events, FORWARD, Handlers, lineOf } from "../support/handlers/handlers_in_memory.ts";
import "../support/system/native.ts";
import { readAll, readToEnd, sendAll } from "../support/handlers/pair.ts";

const { ConnectionReset } = Deno.errors;

/** The paper's own shape: an association for each session. */
const PER_SESSION = { client: "associations: per-session" };

Deno.test("per session, an idle association carries the next one; concurrent sessions have one each", async () => {
  const handlers = new Handlers({}, PER_SESSION);
  for (let round = 0; round < 5; round++) {
    const { application, target } = await handlers.session();
    await Promise.all([sendAll(application, new Uint8Array(3)), sendAll(target, new Uint8Array(3))]);
    await Promise.all([readAll(application), readAll(target)]);
    application.close();
    target.close();
    await settle();
  }
  assertEquals(handlers.server.associations, 1);
  const [one, two] = [await handlers.session(), await handlers.session()];
  assertEquals([handlers.server.associations, handlers.client.sessions], [2, 2]);
  await handlers.close(one.application, one.target, two.application, two.target);
  assertEquals([handlers.server.associations, handlers.client.sessions], [0, 0]);
});

Deno.test("per session, in a burst few associate at once, others take associations that become idle, and all are served", async () => {
  let connecting = 0, most = 0;
  const handlers = new Handlers({
    onConnect: async ({ port }) => {
      if (port !== 6522) return;
      most = Math.max(most, ++connecting);
      await new Promise((resolve) => setTimeout(resolve, 1));
      connecting--;
    },
  }, PER_SESSION);
  const served = (async () => {
    for (let count = 0; count < 200; count++) {
      const target = (await handlers.targets.accept())!;
      readAll(target).then((bytes) => sendAll(target, bytes)).then(() => target.close());
    }
  })();
  await Promise.all(Array.from({ length: 200 }, async () => {
    const application = await handlers.network.connect(FORWARD);
    await sendAll(application, new Uint8Array(1000));
    assertEquals((await readAll(application)).length, 1000);
    application.close();
  }));
  await served;
  assert(most > 3 && most <= 3 * MAX_HANDSHAKES, `${most}`);
  await handlers.close();
});

Deno.test("per session, one that waits for its turn to associate takes an association that becomes idle", async () => {
  const handlers = new Handlers({}, PER_SESSION);
  const { application, target } = await handlers.session();
  // Every handshake hangs, and those that may run at once all do.
  handlers.network.onConnect = ({ port }) => port === 6522 ? new Promise(() => {}) : undefined;
  const waiting = [];
  for (let count = 0; count <= MAX_HANDSHAKES; count++) waiting.push(await handlers.network.connect(FORWARD));
  await settle();
  await Promise.all([application.closeWrite(), target.closeWrite(), readAll(application), readAll(target)]);
  for (let i = 0; i < 5; i++) await settle();
  const next = await handlers.targets.accept();
  await Promise.all(waiting.map((one) => writeAll(one, Uint8Array.of(7))));
  assertEquals(await next!.read(new Uint8Array(2)), 1);
  await handlers.close(application, target, next!, ...waiting);
});

Deno.test("an unused association ends at the idle time-out, and the client ends it first", async () => {
  const handlers = new Handlers();
  const { application, target } = await handlers.session();
  await Promise.all([sendAll(application, new Uint8Array(3)), sendAll(target, new Uint8Array(3))]);
  await Promise.all([readAll(application), readAll(target)]);
  application.close();
  target.close();
  await handlers.clock.advance(59_999);
  assertEquals(handlers.server.associations, 1);
  await handlers.clock.advance(1);
  assertEquals([handlers.server.associations, handlers.network.openEnds], [0, 0]);
  assert(!events(handlers.serverLines).includes("association failed"));
  await handlers.close();
});

Deno.test("an idle session stays alive", async () => {
  const handlers = new Handlers();
  const { application, target } = await handlers.session();
  await handlers.clock.advance(10 * 60 * 1000);
  await writeAll(application, Uint8Array.of(1));
  assertEquals(await target.read(new Uint8Array(1)), 1);
  await handlers.close(application, target);
});

Deno.test("a waiting session reaches a server handler that starts within the handshake time-out", async () => {
  const handlers = new Handlers();
  let away = true;
  handlers.network.onConnect = ({ port }) => {
    if (away && port === 6522) throw new Deno.errors.ConnectionRefused("Connection refused (os error 111)");
  };
  const session = handlers.session();
  await handlers.clock.advance(3_000);
  away = false;
  const { application, target } = await handlers.clock.until(session);
  assertEquals(handlers.clientLines.filter(({ level }) => level === "warn"), []);
  await handlers.close(application, target);
});

Deno.test("after a longer absence of the server handler, further sessions fail at once until it is back", async () => {
  const handlers = new Handlers();
  const { network, clock } = handlers;
  let away = true;
  network.onConnect = ({ port }) => {
    if (away && port === 6522) throw new Deno.errors.ConnectionRefused("Connection refused (os error 111)");
  };
  const meet = async () => {
    const application = await network.connect({ host: "127.0.0.1", port: 8080 });
    const began = clock.now();
    assertInstanceOf((await clock.until(readToEnd(application))).error, ConnectionReset);
    application.close();
    return clock.now() - began;
  };
  const first = await meet();
  assert(first > 4_000 && first <= 5_100, `${first}`);
  assertEquals(await meet(), 0);
  away = false;
  const { application, target } = await handlers.session();
  await handlers.close(application, target);
});

Deno.test("closing resets sessions under way, and the server's targets", async () => {
  const handlers = new Handlers();
  const { application, target } = await handlers.session();
  await handlers.client.close();
  assertInstanceOf((await readToEnd(application)).error, ConnectionReset);
  // The server handler allows for a client that joins all channels again.
  await handlers.clock.advance(2000);
  assertInstanceOf((await readToEnd(target)).error, ConnectionReset);
  assertEquals(lineOf(handlers.clientLines, "session reset").reason, "the handler is ending");
  await settle();
  assertEquals(handlers.server.associations, 0);
  await handlers.close(application, target);
});

Deno.test("closing resets an application whose session was requested on a previously idle association", async () => {
  for (const says of [0, 10]) {
    const handlers = new Handlers();
    const { application, target } = await handlers.session();
    await Promise.all([sendAll(application, new Uint8Array(3)), sendAll(target, new Uint8Array(3))]);
    await Promise.all([readAll(application), readAll(target)]);
    await settle();
    handlers.network.onConnect = ({ port }) => port === 8000 ? new Promise(() => {}) : undefined;
    const waiting = await handlers.network.connect(FORWARD);
    await writeAll(waiting, new Uint8Array(says));
    await settle();
    await handlers.client.close();
    assertInstanceOf((await readToEnd(waiting)).error, ConnectionReset);
    await handlers.close(application, target, waiting);
  }
});

Deno.test("per session, an association kept ready carries the next session, and is replaced", async () => {
  const handlers = new Handlers({}, { ...PER_SESSION, warm: 1 });
  const one = await handlers.session();
  await settle();
  assertEquals(handlers.server.associations, 2);
  const two = await handlers.session();
  await settle();
  assertEquals(handlers.server.associations, 3);
  const sessions = handlers.clientLines.filter(({ event }) => event === "session").map(({ session }) =>
    String(session).split(".")[0]
  );
  assertEquals(new Set(sessions).size, 2);
  await handlers.close(one.application, one.target, two.application, two.target);
});

Deno.test("after stopListening sessions go on to their end, and then the handler is idle", async () => {
  const handlers = new Handlers();
  const { application, target } = await handlers.session();
  handlers.client.stopListening();
  const idle = handlers.client.idle();
  const late = await handlers.network.connect(FORWARD).catch((error) => error);
  assertInstanceOf(late, Deno.errors.ConnectionRefused);
  const [got] = await Promise.all([
    readAll(application),
    sendAll(target, new Uint8Array(500_000)),
    sendAll(application, new Uint8Array(10)),
    readAll(target),
  ]);
  assertEquals(got.length, 500_000);
  await idle;
  assertEquals(handlers.client.sessions, 0);
  await handlers.close(application, target);
});
