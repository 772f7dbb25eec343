/** Message bytes through associated channels: complete, in order, in bounded memory, and never a clean end after a loss. */
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { Association, ChannelError } from "../../src/association/association.ts";
import { ChannelReader, READ_AHEAD } from "../../src/association/channel_reader.ts";
import type { Connection } from "../../src/net/connection.ts";
import { FRAME_HEAD_LENGTH, MAX_DATA } from "../../src/wire/frame.ts";
import { settle } from "../support/time/fake_clock.ts";
import { Interposer } from "../support/network/interposer.ts";
import { JealousNetwork } from "../support/network/jealous_network.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { associatedPair, channelAddresses, type Pair } from "../support/handlers/pair.ts";
import { concat } from "../../src/wire/concat.ts";
import { forSeeds, Random } from "../support/random/random.ts";

/** Largest write: a DATA frame. */
const MAX_CHUNK = FRAME_HEAD_LENGTH + MAX_DATA;

/** Writes pieces of up to `most` bytes, overwrites each after its write has settled, and closes. */
async function send({ writable }: Association, bytes: Uint8Array, random: Random, most: number): Promise<void> {
  const writer = writable.getWriter();
  for (const piece of random.cuts(bytes, most)) {
    // At any offset modulo 8.
    const start = random.below(8);
    const chunk = new Uint8Array(start + piece.length).subarray(start);
    chunk.set(piece);
    await writer.write(chunk);
    chunk.fill(0xee);
  }
  await writer.close();
}

/** Reads to the end. Copies each lent chunk immediately, or after `hold`. */
async function receive({ readable }: Association, hold = () => Promise.resolve()): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const chunk of readable) {
    assert(chunk.length > 0);
    await hold();
    pieces.push(chunk.slice());
  }
  return concat(pieces);
}

async function finish({ client, server, network, clock }: Pair): Promise<void> {
  client.end();
  server.end();
  await settle();
  assertEquals([network.openEnds, clock.pending], [0, 0]);
}

Deno.test("message bytes arrive complete in both directions, with any sizes, fragmentation, speeds and number of channels", async () => {
  await forSeeds(30, async (random) => {
    const slow = random.below(16);
    const network = new MemoryNetwork({
      capacity: random.pick([1, 7, 1000, 65536, 1 << 20]),
      // One channel may be much slower than the others, in one direction.
      chunk: (available, { remote }) =>
        remote.host === `192.0.2.${slow}` ? 1 + random.below(9) : random.below(available),
    });
    const pair = await associatedPair(random.between(2, 16), network);
    const most = random.pick([1, 9, 70, 5000, MAX_CHUNK]);
    const [up, down] = [
      random.bytes(random.below(Math.min(50_000, most * 200))),
      random.bytes(random.below(most * 20 > 40_000 ? 40_000 : most * 20)),
    ];
    const [gotUp, gotDown] = await Promise.all([
      receive(pair.server),
      receive(pair.client),
      send(pair.client, up, random, most),
      send(pair.server, down, random, most),
    ]);
    assertEquals(gotUp, up);
    assertEquals(gotDown, down);
    await finish(pair);
  });
});

Deno.test("megabytes in the largest chunks arrive complete over fast channels", async () => {
  const random = new Random(3);
  const pair = await associatedPair(3, new MemoryNetwork({ capacity: 1 << 20 }));
  const bytes = random.bytes(3_000_000);
  const [got] = await Promise.all([receive(pair.server), send(pair.client, bytes, random, MAX_CHUNK)]);
  assert(same(got, bytes));
  await finish(pair);
});

Deno.test("every channel carries exactly as many bytes as the message has", async () => {
  const paths: Interposer[] = [];
  const network = new MemoryNetwork({ interpose: (path) => paths.push(new Interposer(path)) });
  const pair = await associatedPair(4, network);
  const before = paths.map(({ fromClient }) => fromClient);
  await Promise.all([receive(pair.server), send(pair.client, new Uint8Array(10_000), new Random(4), 700)]);
  assertEquals(paths.map(({ fromClient }, index) => fromClient - before[index]!), Array(4).fill(10_000));
  pair.client.end();
  pair.server.end();
  await Promise.all(paths.map(({ done }) => done));
  await finish(pair);
});

/** An association over plain connections, and their other ends. */
async function raw(
  network: MemoryNetwork,
  channels: number,
): Promise<{ association: Association; ends: Connection[] }> {
  const addresses = channelAddresses(channels);
  const pairs = await Promise.all(addresses.map(async (address) => {
    const listener = network.listen(address);
    const pair = await Promise.all([network.connect(address), listener.accept()]);
    listener.close();
    return pair;
  }));
  const association = new Association("1", pairs.map(([, accepted]) => new ChannelReader(accepted!)), addresses);
  return { association, ends: pairs.map(([end]) => end) };
}

Deno.test("a channel that is far ahead is not read beyond the limit until the others have caught up", async () => {
  for (let late = 0; late < 3; late++) {
    const capacity = 20_000;
    const network = new MemoryNetwork({ capacity });
    const { association, ends } = await raw(network, 3);
    const random = new Random(5);
    const [message, ...pads] = [random.bytes(1_500_000), random.bytes(1_500_000), random.bytes(1_500_000)];
    const last = message!.map((byte, at) => byte ^ pads[0]![at]! ^ pads[1]![at]!);
    const taken = [0, 0, 0];
    const sendShare = async (index: number, end = message!.length) => {
      const share = [...pads, last][index]!;
      while (taken[index]! < end) {
        taken[index]! += await ends[index]!.write(share.subarray(taken[index]!, Math.min(end, taken[index]! + 10_000)));
      }
      if (end === share.length) await ends[index]!.closeWrite();
    };
    const reading = receive(association);
    // Reading ahead starts once bytes flow.
    const flowing = 500_000;
    await Promise.all([0, 1, 2].map((index) => sendShare(index, flowing)));
    await settle();
    const early = [0, 1, 2].filter((index) => index !== late).map((index) => sendShare(index));
    for (let i = 0; i < 100; i++) await settle();
    for (const index of [0, 1, 2].filter((index) => index !== late)) {
      const ahead = taken[index]! - flowing;
      assert(ahead >= READ_AHEAD, `only ${ahead} bytes were read ahead`);
      assert(ahead <= 2 * READ_AHEAD + capacity, `${ahead} bytes were read ahead`);
    }
    await Promise.all([...early, sendShare(late)]);
    assert(same(await reading, message!));
    association.end();
    for (const end of ends) end.close();
    assertEquals(network.openEnds, 0);
  }
});

Deno.test("writing waits while the other side does not read, and continues when it does", async () => {
  const pair = await associatedPair(3, new MemoryNetwork({ capacity: 4096 }));
  const writer = pair.client.writable.getWriter();
  let written = 0;
  const sending = (async () => {
    for (; written < 100; written++) await writer.write(new Uint8Array(4096).fill(written));
    await writer.close();
  })();
  await settle();
  const blockedAt = written;
  assert(blockedAt < 8, `${blockedAt} pieces left although the other side does not read`);
  await settle();
  assertEquals(written, blockedAt);
  const got = await receive(pair.server);
  await sending;
  assertEquals(got.length, 100 * 4096);
  assert(got.every((byte, at) => byte === at >> 12));
  await finish(pair);
});

Deno.test("a chunk does not change until the next read, while bytes arrive and leave", async () => {
  await forSeeds(10, async (random) => {
    const pair = await associatedPair(
      2,
      new MemoryNetwork({ capacity: 10_000, chunk: (available) => random.below(available) }),
    );
    const bytes = random.bytes(60_000);
    const sending = send(pair.client, bytes, random, 3000);
    const pieces: Uint8Array[] = [];
    for await (const chunk of pair.server.readable) {
      const first = chunk.slice();
      for (let turns = random.below(40); turns > 0; turns--) await Promise.resolve();
      if (random.below(8) === 0) await settle();
      assertEquals(chunk, first);
      pieces.push(first);
    }
    assertEquals(concat(pieces), bytes);
    await sending;
    await finish(pair);
  });
});

Deno.test("no buffer is used twice at a time, with a hundred associations that send, end and abort at any moment", async () => {
  await forSeeds(4, async (random) => {
    const violations: string[] = [];
    await Promise.all(Array.from({ length: 25 }, async (_, round) => {
      const network = new MemoryNetwork({ capacity: 3000, chunk: (available) => random.below(available) });
      const over = new JealousNetwork(network, random);
      const pair = await associatedPair(random.between(2, 4), network, over);
      const bytes = random.bytes(random.below(30_000));
      const endsAt = round % 3 === 0 ? Infinity : random.below(bytes.length + 1);
      let seen = 0;
      const reading = (async () => {
        for await (const chunk of pair.server.readable) {
          const lent = chunk.slice();
          seen += chunk.length;
          if (seen >= endsAt) random.pick([pair.client, pair.server])[random.pick(["end", "abort"] as const)]();
          for (let turns = random.below(50); turns > 0; turns--) await Promise.resolve();
          assert(chunk.every((byte, at) => byte === lent[at]), "a chunk that is lent changed");
        }
      })().catch((error) => assertInstanceOf(error, ChannelError));
      const sending = send(pair.client, bytes, random, 3000).catch((error) => assertInstanceOf(error, ChannelError));
      const back = receive(pair.client).catch((error) => assertInstanceOf(error, ChannelError));
      await Promise.all([reading, sending]);
      pair.server.end();
      pair.client.end();
      await back;
      violations.push(...over.violations);
      await finish(pair);
    }));
    assertEquals(violations, []);
  });
});

Deno.test("closing delivers all bytes written before, and leaves the other direction open", async () => {
  const random = new Random(6);
  const pair = await associatedPair(3, new MemoryNetwork({ capacity: 500 }));
  const [up, down] = [random.bytes(9000), random.bytes(9000)];
  const [gotUp] = await Promise.all([receive(pair.server), send(pair.client, up, random, 800)]);
  assertEquals(gotUp, up);
  const [gotDown] = await Promise.all([receive(pair.client), send(pair.server, down, random, 800)]);
  assertEquals(gotDown, down);
  await finish(pair);
});

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
      const ended = (async () => {
        for (;;) {
          const { value, done } = await reader.read();
          if (done) return null;
          pieces.push(value.slice());
        }
      })().catch((error: unknown) => error);
      const error = await ended;
      const got = concat(pieces);
      assertEquals(got, bytes.subarray(0, got.length));
      // A reset may discard bytes in the victim's socket.
      if (how === "close") assertEquals(got.length, 1000);
      assertEquals(pair.server.failure?.index, victim);
      assertEquals(error === null ? null : (error as ChannelError), how === "close" ? null : pair.server.failure);
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
  const reader = client.readable.getReader();
  const flow = server.writable.getWriter().write(new Uint8Array(200_000));
  for (let left = 200_000; left > 0;) left -= (await reader.read()).value!.length;
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
  const writes = [1, 2, 3, 4, 5, 6].map(() => writer.write(new Uint8Array(1000)).catch((error: unknown) => error));
  await settle();
  pair.server.connections[1]!.reset();
  const errors = await Promise.all(writes);
  const error = errors.at(-1);
  assertInstanceOf(error, ChannelError);
  assertEquals([error.index, pair.client.failure], [1, error]);
  await assertRejects(() => writer.write(new Uint8Array(1)), ChannelError, "channel 2 (192.0.2.2:6522)");
  await finish(pair);
});

for (const how of ["end", "abort"] as const) {
  Deno.test(`${how} may be repeated at any moment, settles what is waiting and frees everything`, async () => {
    const pair = await associatedPair(2, new MemoryNetwork({ capacity: 100 }));
    const [reader, writer] = [pair.client.readable.getReader(), pair.client.writable.getWriter()];
    const reading = reader.read().catch((error: unknown) => error);
    const writes = [1, 2, 3, 4, 5].map(() => writer.write(new Uint8Array(1000)).catch((error: unknown) => error));
    await settle();
    pair.client[how]();
    pair.client[how]();
    pair.client.end();
    pair.client.abort();
    assertEquals(pair.client.ended, true);
    await Promise.all([reading, ...writes]);
    await assertRejects(() => writer.write(new Uint8Array(1)));
    await reader.read().catch(() => {});
    await finish(pair);
  });

  Deno.test(`after ${how}, a lent chunk stays intact, and the next read fails or ends the stream`, async () => {
    const pair = await associatedPair(2);
    const writer = pair.client.writable.getWriter();
    await writer.write(new Uint8Array(300).fill(7));
    const reader = pair.server.readable.getReader();
    const { value } = await reader.read();
    pair.server[how]();
    // Other users take buffers of the same size, and fill them.
    const other = await associatedPair(4);
    await Promise.all([receive(other.server), send(other.client, new Uint8Array(2000).fill(9), new Random(1), 300)]);
    await finish(other);
    assert(value!.every((byte) => byte === 7), "a chunk that is lent changed");
    const next = await reader.read().catch((error: unknown) => error);
    if (next instanceof Error) assertInstanceOf(next, ChannelError, String(next));
    await finish(pair);
  });
}

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

/** Like assertEquals, but does not print a megabyte of differences. */
function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
