/** Channels that fail at any moment: what has arrived is delivered, the error names the channel, nothing is left. */
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { Association } from "../../src/association/association.ts";
import { ChannelError } from "../../src/association/channel_error.ts";
import { ChannelReader } from "../../src/association/channel_reader.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { Lender, taken } from "../support/network/chunks.ts";
import { settle } from "../support/time/fake_clock.ts";
import { Interposer } from "../support/network/interposer.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { associatedPair, channelAddresses, type Pair } from "../support/handlers/pair.ts";
import { raw, receive, send } from "../support/handlers/channels.ts";
import { concat } from "../../src/wire/concat.ts";
import { Random } from "../support/random/random.ts";

async function finish({ client, server, network, clock }: Pair): Promise<void> {
  client.end();
  server.end();
  await settle();
  assertEquals([network.openEnds, clock.pending], [0, 0]);
}

/** Lent chunks of zeros, or of another byte. */
function chunks(count: number, length: number, byte = 0) {
  const lender = new Lender();
  return Array.from({ length: count }, () => lender.lend(new Uint8Array(length).fill(byte)));
}

for (const how of ["close", "reset"] as const) {
  Deno.test(`after a ${how} of one channel, the bytes that can be joined are delivered, then the error names the channel`, async () => {
    for (let victim = 0; victim < 3; victim++) {
      const paths: Interposer[] = [];
      const at = 52 + 1000;
      const network = new MemoryNetwork({
        interpose: (path, to) => {
          const cut = to.host === `192.0.2.${victim + 1}` ? { cut: { at, how } } : {};
          paths.push(new Interposer(path, {}, cut));
        },
      });
      const pair = await associatedPair(3, network);
      const bytes = new Random(8).bytes(5000);
      const sending = send(pair.client, bytes, new Random(9), 300).catch((error: unknown) => error);
      const reader = pair.server.readable.getReader();
      const pieces: Uint8Array[] = [];
      const error = await (async () => {
        for (;;) {
          const { value, done } = await reader.read();
          if (done) return null;
          pieces.push(taken(value));
        }
      })().catch((error: unknown) => error);
      const got = concat(pieces);
      assertEquals(got, bytes.subarray(0, got.length));
      // A reset may discard bytes in the victim's socket.
      if (how === "close") assertEquals(got.length, 1000);
      assertEquals(pair.server.failure?.index, victim);
      assertEquals(error, how === "close" ? null : pair.server.failure);
      pair.server.abort();
      await sending;
      pair.client.end();
      await Promise.all(paths.map(({ done }) => done));
      await finish(pair);
    }
  });
}

Deno.test("the channel that failed first is blamed, even while its earlier bytes are not joined yet", async () => {
  const pair = await associatedPair(3, new MemoryNetwork());
  const { client, server } = pair;
  const reader = client.readable.getReader(), writer = server.writable.getWriter();
  const flow = writer.write(chunks(1, 200_000)[0]!);
  for (let left = 200_000; left > 0;) left -= taken((await reader.read()).value!).length;
  await flow;
  const read = reader.read();
  const [first, second] = server.connections as [Connection, Connection];
  await second.write(new Uint8Array(20_000));
  await settle();
  second.reset();
  await settle();
  first.reset();
  const error = await assertRejects(() => read, ChannelError);
  assertEquals([error.index, client.failure?.index], [1, 1]);
  await finish(pair);
});

Deno.test("writing to a reset channel fails and names it, even while the write is waiting", async () => {
  const pair = await associatedPair(3, new MemoryNetwork({ capacity: 100 }));
  const writer = pair.client.writable.getWriter();
  const writes = chunks(6, 1000).map((chunk) => writer.write(chunk).catch((error: unknown) => error));
  await settle();
  pair.server.connections[1]!.reset();
  const errors = await Promise.all(writes);
  const error = errors.at(-1);
  assertInstanceOf(error, ChannelError);
  assertEquals([error.index, pair.client.failure], [1, error]);
  await assertRejects(() => writer.write(chunks(1, 1)[0]!), ChannelError, "channel 2 (192.0.2.2:6522)");
  await finish(pair);
});

for (const how of ["end", "abort"] as const) {
  Deno.test(`${how} may be repeated at any moment, settles what is waiting and frees everything`, async () => {
    const pair = await associatedPair(2, new MemoryNetwork({ capacity: 100 }));
    const [reader, writer] = [pair.client.readable.getReader(), pair.client.writable.getWriter()];
    let endings = 0;
    pair.client.ending = () => endings++;
    const reading = reader.read().catch((error: unknown) => error);
    const writes = chunks(5, 1000).map((chunk) => writer.write(chunk).catch((error: unknown) => error));
    await settle();
    pair.client[how]();
    pair.client[how]();
    pair.client.end();
    pair.client.abort();
    await pair.client.over;
    assertEquals([pair.client.ended, endings], [true, 1]);
    await Promise.all([reading, ...writes]);
    await assertRejects(() => writer.write(chunks(1, 1)[0]!));
    await reader.read().catch(() => {});
    await finish(pair);
  });

  Deno.test(`after ${how}, a held chunk stays intact, and the next read fails or ends the stream`, async () => {
    const pair = await associatedPair(2);
    const writer = pair.client.writable.getWriter();
    await writer.write(chunks(1, 300, 7)[0]!);
    const reader = pair.server.readable.getReader();
    const { value } = await reader.read();
    pair.server[how]();
    // Other users take buffers of the same size, and fill them.
    const other = await associatedPair(4), noise = new Uint8Array(2000).fill(9);
    await Promise.all([receive(other.server), send(other.client, noise, new Random(1), 300)]);
    await finish(other);
    assert(value!.bytes.every((byte) => byte === 7), "a chunk that is held changed");
    value!.release();
    const next = await reader.read().catch((error: unknown) => error);
    if (next instanceof Error) assertInstanceOf(next, ChannelError, String(next));
    await finish(pair);
  });
}

Deno.test("a fault of the owner aborts the association, is its reason, and blames no channel", async () => {
  const pair = await associatedPair(3), fault = new TypeError("a record with a wrong tag");
  const reading = pair.client.readable.getReader().read().catch((error: unknown) => error);
  await settle();
  pair.client.fail(fault);
  pair.client.fail(new Error("another"));
  assertEquals([pair.client.ended, pair.client.reason, pair.client.failure], [true, fault, null]);
  await reading;
  assertEquals(pair.client.channelFailed(1, new Deno.errors.ConnectionReset("reset")), fault);
  const error = await pair.server.readable.getReader().read().then(() => null, (error: unknown) => error);
  assertInstanceOf(error, ChannelError);
  await finish(pair);
});

Deno.test("bytes from a read on a connection that has been closed are discarded", async () => {
  for (const length of [5, null]) {
    const reads: ((length: number | null) => void)[] = [];
    const connection: Connection = {
      ...{ local: { host: "192.0.2.1", port: 1 }, remote: { host: "192.0.2.1", port: 2 } },
      read: () => new Promise((resolve) => reads.push(resolve)),
      write: (bytes) => Promise.resolve(bytes.length),
      closeWrite: () => Promise.resolve(),
      close: () => {},
      reset: () => {},
    };
    const association = new Association(
      "1",
      [new ChannelReader(connection), new ChannelReader(connection)],
      channelAddresses(2),
    );
    const reader = association.readable.getReader();
    const reading = reader.read();
    await settle();
    assertEquals(reads.length, 2);
    association.end();
    for (const resolve of reads) resolve(length);
    assertEquals((await reading).done, true);
  }
});

Deno.test("who waits for bytes learns of an association's end although it does not read at that moment", async () => {
  const network = new MemoryNetwork(), { association, ends } = await raw(network, 2);
  const reader = association.readable.getReader();
  for (const end of ends) await writeAll(end, Uint8Array.of(1));
  (await reader.read()).value!.release();
  const reading = reader.read();
  // The channels are read on at the end of this turn, when no microtask is left.
  for (let microtask = 0; microtask < 20; microtask++) await null;
  association.end();
  assertEquals((await reading).done, true);
  for (const end of ends) end.close();
  await settle();
  assertEquals(network.openEnds, 0);
});
