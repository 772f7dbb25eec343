import { assertEquals, assertRejects } from "@std/assert";
import { type Connection, writeAll } from "../../../src/net/connection.ts";
import { settle } from "../time/fake_clock.ts";
import { type Interposed, MemoryNetwork, type MemoryNetworkOptions } from "./memory_network.ts";

const AT = { host: "192.0.2.1", port: 6522 };

async function pair(options: MemoryNetworkOptions = {}): Promise<[Connection, Connection, MemoryNetwork]> {
  const network = new MemoryNetwork(options);
  const listener = network.listen(AT);
  const client = await network.connect(AT);
  const server = await listener.accept();
  listener.close();
  return [client, server!, network];
}

Deno.test("the memory network accepts bytes up to its capacity, and more as they are read", async () => {
  const [client, server] = await pair({ capacity: 4 });
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6);
  assertEquals(await client.write(bytes), 4);
  let blocked = true;
  const rest = client.write(bytes.subarray(4)).finally(() => blocked = false);
  await settle();
  assertEquals(blocked, true);
  const into = new Uint8Array(3);
  assertEquals(await server.read(into), 3);
  assertEquals(into, Uint8Array.of(1, 2, 3));
  assertEquals(await rest, 2);
  assertEquals(await server.read(into), 3);
  assertEquals(into, Uint8Array.of(4, 5, 6));
});

Deno.test("the memory network keeps a megabyte whole through buffers and chunks of odd sizes", async () => {
  let turn = 0;
  const [client, server, network] = await pair({ capacity: 1009, chunk: () => turn++ % 263 });
  const sent = new Uint8Array(1 << 20).map((_, index) => (index * 31) >> 3);
  const got = new Uint8Array(sent.length);
  const writing = writeAll(client, sent).then(() => client.close());
  let size = 0;
  for (let count; (count = await server.read(got.subarray(size, size + 700))) !== null && count > 0;) size += count;
  await writing;
  assertEquals(size, sent.length);
  assertEquals(got, sent);
  server.close();
  assertEquals(network.openEnds, 0);
});

Deno.test("the memory network limits reads as a test asks, per reader, but never to zero bytes", async () => {
  const [client, server] = await pair({ chunk: (available, reader) => reader.local.port === 6522 ? 0 : available });
  await writeAll(client, Uint8Array.of(1, 2));
  await writeAll(server, Uint8Array.of(3, 4));
  assertEquals(await server.read(new Uint8Array(9)), 1);
  assertEquals(await server.read(new Uint8Array(9)), 1);
  assertEquals(await client.read(new Uint8Array(9)), 2);
});

Deno.test("the memory network resolves the names that a test gives, and no others", async () => {
  const network = new MemoryNetwork({ hosts: new Map([["web", "192.0.2.1"]]) });
  const listener = network.listen(AT);
  const client = await network.connect({ host: "web", port: 6522 });
  assertEquals(client.remote, AT);
  await assertRejects(() => network.connect({ host: "mail", port: 6522 }), Error, "mail");
  listener.close();
});

Deno.test("the memory network's wildcard listeners accept at the dialled address, separately for each family", async () => {
  const network = new MemoryNetwork();
  const v4 = network.listen({ host: "0.0.0.0", port: 6522 });
  const v6 = network.listen({ host: "::", port: 6522 });
  await network.connect({ host: "198.51.100.7", port: 6522 });
  await network.connect({ host: "2001:db8::7", port: 6522 });
  assertEquals((await v4.accept())?.local, { host: "198.51.100.7", port: 6522 });
  assertEquals((await v6.accept())?.local, { host: "2001:db8::7", port: 6522 });
});

Deno.test("the memory network gives every connection its own port", async () => {
  const network = new MemoryNetwork();
  network.listen(AT);
  const ports = new Set<number>();
  for (let i = 0; i < 100; i++) ports.add((await network.connect(AT)).local.port);
  assertEquals(ports.size, 100);
});

Deno.test("the memory network counts open ends, those of unaccepted connections included", async () => {
  const network = new MemoryNetwork();
  const listener = network.listen(AT);
  const client = await network.connect(AT);
  assertEquals([network.openEnds, network.openListeners], [2, 1]);
  listener.close();
  assertEquals([network.openEnds, network.openListeners], [1, 0]);
  await assertRejects(() => client.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
  assertEquals(network.openEnds, 1, "an end that was reset still has to be closed");
  client.close();
  assertEquals(network.openEnds, 0);
});

Deno.test("connecting in memory waits for the test's hook, and fails with its error", async () => {
  const gate = Promise.withResolvers<void>();
  const network = new MemoryNetwork({ onConnect: () => gate.promise });
  network.listen(AT);
  let connected = false;
  const connecting = network.connect(AT).then(() => connected = true);
  await settle();
  assertEquals(connected, false);
  gate.resolve();
  await connecting;
  network.onConnect = (to) => Promise.reject(new Deno.errors.NetworkUnreachable(`no way to ${to.host}`));
  await assertRejects(() => network.connect(AT), Deno.errors.NetworkUnreachable, "192.0.2.1");
});

Deno.test("connecting in memory is abandoned at the signal and leaves nothing", async () => {
  const gate = Promise.withResolvers<void>();
  const network = new MemoryNetwork({ onConnect: () => gate.promise });
  const listener = network.listen(AT);
  const abort = new AbortController();
  const connecting = assertRejects(() => network.connect(AT, abort.signal), RangeError, "enough");
  await settle();
  abort.abort(new RangeError("enough"));
  await connecting;
  gate.resolve();
  await settle();
  assertEquals(network.openEnds, 0);
  listener.close();
});

Deno.test("an interposer reads and changes bytes in both directions, unnoticed by either party", async () => {
  const seen: number[] = [];
  const relay = async (from: Connection, to: Connection) => {
    const buffer = new Uint8Array(16);
    for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
      seen.push(...buffer.subarray(0, count));
      await writeAll(to, buffer.subarray(0, count).map((byte) => byte ^ 1));
    }
    await to.closeWrite();
  };
  let path: Interposed | undefined;
  const [client, server, network] = await pair({
    interpose: (interposed) => {
      path = interposed;
      relay(interposed.toClient, interposed.toServer);
      relay(interposed.toServer, interposed.toClient);
    },
  });
  assertEquals([server.local, server.remote], [client.remote, client.local]);
  await writeAll(client, Uint8Array.of(10));
  await client.closeWrite();
  const into = new Uint8Array(1);
  await server.read(into);
  assertEquals(into[0], 11);
  assertEquals(await server.read(into), null);
  await writeAll(server, Uint8Array.of(20));
  await server.closeWrite();
  await client.read(into);
  assertEquals(into[0], 21);
  assertEquals(await client.read(into), null);
  assertEquals(seen, [10, 20]);
  assertEquals(network.openEnds, 4);
  for (const end of [client, server, path!.toClient, path!.toServer]) end.close();
  assertEquals(network.openEnds, 0);
});

Deno.test("the memory network rejects a second concurrent read or write", async () => {
  const [client] = await pair({ capacity: 1 });
  const read = client.read(new Uint8Array(1));
  await assertRejects(() => client.read(new Uint8Array(1)), TypeError);
  await client.write(Uint8Array.of(1));
  const write = client.write(Uint8Array.of(2));
  await assertRejects(() => client.write(Uint8Array.of(3)), TypeError);
  client.close();
  await assertRejects(() => read, Deno.errors.Interrupted);
  await assertRejects(() => write, Deno.errors.Interrupted);
});

Deno.test("a read in memory is interrupted even if bytes arrive at the moment of its end", async () => {
  const [client, server] = await pair();
  const read = client.read(new Uint8Array(1));
  await Promise.resolve();
  const write = server.write(Uint8Array.of(1));
  client.close();
  await write;
  await assertRejects(() => read, Deno.errors.Interrupted);
});
