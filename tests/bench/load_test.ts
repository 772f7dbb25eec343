import { assertEquals, assertRejects } from "@std/assert";
import { residentMemory } from "../../bench/processes.ts";
import { Load, loopback } from "../../bench/testbed.ts";
import { freePort, testWith } from "../support/programs/programs.ts";

const HOST = "127.0.0.1";

testWith(["gcc"], "bench: a burst gets back what it sent, on every connection", async () => {
  const port = freePort(HOST);
  await using load = await Load.make(loopback(), port);
  const { failed, reason } = await load.burst(HOST, port, 50, 100_000);
  assertEquals([failed, reason], [0, ""]);
});

testWith(["gcc"], "bench: a burst counts connections that are cut, altered or refused", async () => {
  await using load = await Load.make(loopback(), freePort(HOST));
  const burst = async (answer: (bytes: Uint8Array) => Uint8Array) => {
    using target = Deno.listen({ hostname: HOST, port: 0 });
    const { port } = target.addr;
    const serving = inSequence(target, 8, answer);
    const outcome = await load.burst(HOST, port, 8, 10_000);
    await serving;
    return outcome;
  };
  let count = 0;
  const short = await burst((bytes) => count++ % 4 === 0 ? bytes.subarray(0, -1) : bytes);
  assertEquals([short.failed, short.reason], [2, "ended too early"]);
  const altered = await burst((bytes) => count++ % 4 === 0 ? bytes.with(9_999, bytes[9_999]! ^ 1) : bytes);
  assertEquals([altered.failed, altered.reason], [2, "wrong bytes"]);
  const refused = await load.burst(HOST, freePort(HOST), 8, 10_000);
  assertEquals([refused.failed, refused.reason], [8, "Connection refused"]);
});

testWith(["gcc"], "bench: connections are held until the program that holds them ends", async () => {
  const port = freePort(HOST);
  await using load = await Load.make(loopback(), port);
  const held = await load.hold(HOST, port, 20);
  const sockets = [...Deno.readDirSync(`/proc/${held.pid}/fd`)].filter(({ name }) => {
    return Deno.readLinkSync(`/proc/${held.pid}/fd/${name}`).startsWith("socket:");
  });
  assertEquals([sockets.length, residentMemory([held.pid])[0]! > 0], [20, true]);
  await held.stop();
  assertEquals(residentMemory([held.pid]), [0]);
  await assertRejects(() => load.hold(HOST, freePort(HOST), 1), Error, "connect");
});

testWith(["gcc"], "bench: a held connection that ends is noticed", async () => {
  await using load = await Load.make(loopback(), freePort(HOST));
  using target = Deno.listen({ hostname: HOST, port: 0 });
  const [connections, held] = await Promise.all([
    acceptAll(target, 3),
    load.hold(HOST, target.addr.port, 3),
  ]);
  connections[1]!.close();
  assertEquals(await held.exited, 1);
  await held.stop();
  for (const at of [0, 2]) connections[at]!.close();
});

/** Accepts connections and sends back each one's first bytes. */
async function acceptAll(target: Deno.TcpListener, count: number): Promise<Deno.TcpConn[]> {
  const connections: Deno.TcpConn[] = [];
  for (const bytes = new Uint8Array(100); connections.length < count;) {
    const connection = await target.accept();
    await connection.write(bytes.subarray(0, await connection.read(bytes) ?? 0));
    connections.push(connection);
  }
  return connections;
}

/** Accepts `count` connections, reads each to its end, and answers it. */
async function inSequence(
  target: Deno.TcpListener,
  count: number,
  answer: (bytes: Uint8Array) => Uint8Array,
): Promise<void> {
  for (let at = 0; at < count; at++) {
    using connection = await target.accept();
    const bytes = new Uint8Array(20_000);
    let length = 0;
    for (let read: number | null; (read = await connection.read(bytes.subarray(length))) !== null;) length += read;
    const answered = answer(bytes.subarray(0, length));
    for (let sent = 0; sent < answered.length;) sent += await connection.write(answered.subarray(sent));
  }
}
