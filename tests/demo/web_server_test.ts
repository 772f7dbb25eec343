import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { get, parseReply, request } from "../../src/demo/request.ts";
import { LETTER_LENGTH, LINE_BYTES, PAGE, PAGE_BYTES, repeated } from "../../src/demo/text.ts";
import { WebServer } from "../../src/demo/web_server.ts";
import { type Clock, systemClock } from "../../src/time/clock.ts";
import { writeAll } from "../../src/net/connection.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";

const AT = { host: "127.0.0.1", port: 0 };

/** Runs `use` next to a web server in memory, and checks that it leaves nothing open. */
async function withServer(
  use: (network: MemoryNetwork, server: WebServer) => Promise<void>,
  limits = { bytes: 1_000_000, ms: 1_000 },
  clock: Clock = systemClock,
): Promise<void> {
  const network = new MemoryNetwork();
  const server = new WebServer(network, clock, AT, limits);
  try {
    await use(network, server);
  } finally {
    await server.close();
  }
  assertEquals([network.openListeners, network.openEnds], [0, 0]);
}

/** Body of a reply. */
async function body(network: MemoryNetwork, server: WebServer, path: string): Promise<Uint8Array> {
  const { bytes, bodyStart } = await get(network, server.address, path);
  return bytes.subarray(bodyStart);
}

Deno.test("the page and the letter arrive complete", () =>
  withServer(async (network, server) => {
    assertEquals(await body(network, server, "/"), PAGE_BYTES);
    assertEquals(await body(network, server, "/letter"), repeated(LETTER_LENGTH));
  }));

Deno.test("a request sent byte by byte is answered", () =>
  withServer(async (network, server) => {
    network.chunk = () => 1;
    assertEquals(await body(network, server, "/"), PAGE_BYTES);
  }));

Deno.test("another path is not found", () =>
  withServer(async (network, server) => {
    await assertRejects(() => get(network, server.address, "/other"), Error, 'the answer is "HTTP/1.1 404 Not Found"');
  }));

Deno.test("a transfer ends at its limit of bytes", () =>
  withServer(async (network, server) => {
    const bytes = await body(network, server, "/transfer");
    assertEquals(bytes, repeated(1_000_000));
    assertEquals(server.transferred, 1_000_000);
  }));

Deno.test("a transfer ends at its time limit", () => {
  let received = 0;
  const clock: Clock = { ...systemClock, now: () => received > 500_000 ? 1_000 : 0, after: () => () => {} };
  return withServer(
    async (network, server) => {
      await request(network, server.address, "/transfer", ({ length }) => received += length);
      assert(server.transferred >= 500_000);
      assert(received > server.transferred && received < server.transferred + 200);
    },
    { bytes: Infinity, ms: 1_000 },
    clock,
  );
});

Deno.test("an invalid or overlong request is disconnected", () =>
  withServer(async (network, server) => {
    const half = await network.connect(server.address);
    await half.closeWrite();
    await assertRejects(() => half.read(new Uint8Array(1)));
    half.close();
    const long = await network.connect(server.address);
    await writeAll(long, new Uint8Array(5_000));
    await assertRejects(() => long.read(new Uint8Array(1)));
    long.close();
  }));

Deno.test("closing ends a transfer under way", () =>
  withServer(async (network, server) => {
    const first = Promise.withResolvers<void>();
    const reading = request(network, server.address, "/transfer", () => first.resolve());
    const rejected = assertRejects(() => reading);
    await first.promise;
    await server.close();
    await rejected;
  }, { bytes: Infinity, ms: Infinity }));

Deno.test("a truncated or missing reply is an error", () => {
  const fails = (text: string, message: string) =>
    assertThrows(() => parseReply(new TextEncoder().encode(text)), Error, message);
  fails("", "no complete answer, only 0 bytes");
  fails("HTTP/1.1 200 OK\r\nContent-", "no complete answer, only 25 bytes");
  fails("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "received 3 of 5 bytes");
});

Deno.test("the page is short, in ASCII lines of at most 72 columns", () => {
  const lines = PAGE.trimEnd().split("\n");
  assert(lines.length >= 10 && lines.length <= 20);
  assert(lines.every((line) => /^[\x20-\x7e]{0,72}$/.test(line)));
});

Deno.test("a repeated line can be cut anywhere", () => {
  for (const length of [0, 1, LINE_BYTES.length, LINE_BYTES.length + 1, 1_000]) {
    const expected = Uint8Array.from({ length }, (_, index) => LINE_BYTES[index % LINE_BYTES.length]!);
    assertEquals(repeated(length), expected);
  }
});
