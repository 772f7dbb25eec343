/** The admin interface's HTTP server with idle, slow and numerous clients. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { toText } from "@std/streams";
import { systemNetwork } from "../../../src/net/system/tcp.ts";
import { type Answer, HttpServer, MAX_CONNECTIONS } from "../../../src/observe/admin/http.ts";
import { UnixListener } from "../../../src/observe/admin/unix_listener.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";
import "../../support/system/native.ts";
import { makeTempDir } from "../../support/programs/process.ts";

const REQUEST = new TextEncoder().encode("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n");

/** A running server and a way to connect to it. */
interface Served {
  readonly clock: FakeClock;
  readonly server: HttpServer;
  connect(): Promise<Deno.Conn>;
}

const hello: Answer = () => Promise.resolve(new Response("hello"));

/** Runs a test over TCP, and over a UNIX socket. */
function testServer(name: string, body: (served: Served) => Promise<void>, answer: Answer = hello): void {
  Deno.test(`${name}, TCP`, async () => {
    const clock = new FakeClock();
    const listener = systemNetwork.listen({ host: "127.0.0.1", port: 0 });
    const server = new HttpServer(listener, answer, clock);
    await body({ clock, server, connect: () => Deno.connect({ hostname: "127.0.0.1", port: listener.address.port }) });
    await server.shutdown();
  });
  Deno.test(`${name}, UNIX socket`, async () => {
    await using directory = await makeTempDir();
    const [path, clock] = [`${directory.path}/s`, new FakeClock()];
    const server = new HttpServer(new UnixListener(Deno.listen({ transport: "unix", path })), answer, clock);
    await body({ clock, server, connect: () => Deno.connect({ transport: "unix", path }) });
    await server.shutdown();
  });
}

/** Reads until the server has closed the connection. */
async function closed(connection: Deno.Conn): Promise<number> {
  let bytes = 0;
  try {
    for (const buffer = new Uint8Array(1 << 20);;) {
      const length = await connection.read(buffer);
      if (length === null) return bytes;
      bytes += length;
    }
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionReset) return bytes;
    throw error;
  } finally {
    connection.close();
  }
}

async function ask(served: Served): Promise<string> {
  const connection = await served.connect();
  await connection.write(REQUEST);
  return await toText(connection.readable);
}

/** Waits until the server waits for so many connections' requests. */
async function accepted(clock: FakeClock, count: number): Promise<void> {
  while (clock.pending < count) await new Promise((resolve) => setTimeout(resolve, 5));
}

testServer(
  "a connection that does not send its request is closed after five seconds, however slowly it sends",
  async (served) => {
    const idle = await served.connect();
    const slow = await served.connect();
    await slow.write(REQUEST.subarray(0, 10));
    await accepted(served.clock, 2);
    await served.clock.advance(4999);
    await slow.write(REQUEST.subarray(10, 12));
    await served.clock.advance(1);
    assertEquals([await closed(idle), await closed(slow)], [0, 0]);
  },
);

testServer("when full, the oldest idle connections are evicted and requests are answered", async (served) => {
  const idle: Deno.Conn[] = [];
  for (let count = 0; count < 3 * MAX_CONNECTIONS; count++) idle.push(await served.connect());
  assertMatch(await ask(served), /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nhello$/s);
  // The request evicted one more.
  for (const connection of idle.splice(0, 2 * MAX_CONNECTIONS + 1)) assertEquals(await closed(connection), 0);
  await served.clock.advance(5000);
  for (const connection of idle) assertEquals(await closed(connection), 0);
});

testServer("a client that does not read its answer is closed after ten seconds", async (served) => {
  const connection = await served.connect();
  await connection.write(REQUEST);
  // The answer is being sent.
  assertEquals(await connection.read(new Uint8Array(1)), 1);
  await served.clock.advance(10_000);
  // Only bytes that the system had buffered by then still arrive.
  assertEquals(await closed(connection) < 50_000_000, true);
}, () => Promise.resolve(new Response("x".repeat(50_000_000))));

testServer("event streams are never evicted", async (served) => {
  const following = await served.connect();
  await following.write(REQUEST);
  const reader = following.readable.getReader();
  await reader.read();
  const idle: Deno.Conn[] = [];
  for (let count = 0; count < 2 * MAX_CONNECTIONS; count++) idle.push(await served.connect());
  // All but as many as there is room for next to the stream are evicted: one more than if the stream were.
  for (const connection of idle.splice(0, MAX_CONNECTIONS)) await closed(connection);
  for (let text = ""; !text.includes("3");) {
    const { value, done } = await reader.read();
    assert(!done, "the stream was evicted");
    text += new TextDecoder().decode(value);
  }
  await closed(idle.shift()!);
  await served.clock.advance(5000);
  for (const connection of idle) await closed(connection);
  await reader.cancel();
}, () => {
  let count = 0, timer: ReturnType<typeof setInterval>;
  const events = new ReadableStream<Uint8Array>({
    start(controller) {
      timer = setInterval(() => controller.enqueue(new TextEncoder().encode(`${count++}`)), 20);
    },
    cancel: () => clearInterval(timer),
  });
  return Promise.resolve(new Response(events, { headers: { "content-type": "text/event-stream" } }));
});

testServer("a malformed request gets an error that says why", async (served) => {
  const answers: [string, number][] = [
    ["GET / HTTP/2.0\r\n\r\n", 400],
    ["get / HTTP/1.1\r\n\r\n", 400],
    ["GET http://x/ HTTP/1.1\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nno colon\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nA: \0\r\n\r\n", 400],
    ["CONNECT / HTTP/1.1\r\n\r\n", 400],
    [`GET / HTTP/1.1\r\nA: ${"a".repeat(9000)}\r\n\r\n`, 431],
    ["GET / HTTP/1.0\r\n\r\n", 200],
  ];
  for (const [request, status] of answers) {
    const connection = await served.connect();
    await connection.write(new TextEncoder().encode(request));
    assertEquals(Number((await toText(connection.readable)).slice(9, 12)), status, request.slice(0, 40));
  }
});

Deno.test("shutdown closes idle connections and answers pending requests", async () => {
  const gate = Promise.withResolvers<void>(), asked = Promise.withResolvers<void>(), clock = new FakeClock();
  const listener = systemNetwork.listen({ host: "127.0.0.1", port: 0 });
  const server = new HttpServer(listener, async () => {
    asked.resolve();
    await gate.promise;
    return new Response("late");
  }, clock);
  const [idle, asking] = await Promise.all(
    [1, 2].map(() => Deno.connect({ hostname: "127.0.0.1", port: listener.address.port })),
  );
  await asking!.write(REQUEST);
  await asked.promise;
  await accepted(clock, 1);
  const over = server.shutdown();
  assertEquals(await closed(idle!), 0);
  gate.resolve();
  assertMatch(await toText(asking!.readable), /late$/);
  await over;
});
