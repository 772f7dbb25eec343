/** The memory of what associations carry: never used twice at a time, and given back, however long chunks are held. */
import { assert, assertEquals } from "@std/assert";
import { AssociationOver, ChannelError } from "../../src/association/channel_error.ts";
import type { Sharing } from "../../src/association/association_options.ts";
import { ChannelReader, READ_AHEAD } from "../../src/association/channel_reader.ts";
import { bufferBytes, giveBuffer, SMALLEST_BUFFER, takeBuffer } from "../../src/net/buffer_pool.ts";
import type { Chunk } from "../../src/net/chunk.ts";
import type { Connection } from "../../src/net/connection.ts";
import { MAX_BODY } from "../../src/records/record.ts";
import { concat } from "../../src/wire/concat.ts";
import { isSame, receive, send, sendPieces } from "../support/handlers/channels.ts";
import { direction } from "../records/direction.ts";
import { associatedPair, type Pair } from "../support/handlers/pair.ts";
import { JealousNetwork } from "../support/network/jealous_network.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { bytes, cutsOf, fc } from "../support/random/property.ts";
import { forSeeds, Random } from "../support/random/random.ts";
import { settle } from "../support/time/fake_clock.ts";

async function finish({ client, server, network, clock }: Pair): Promise<void> {
  client.end();
  server.end();
  await settle();
  assertEquals([network.openEnds, clock.pending], [0, 0]);
}

/** Shares, and the message bytes that they are made of. */
interface Kind {
  readonly name: string;
  readonly sharing: Sharing;
  readonly seeds: number;
  /** Makes pieces to send, of at least so many bytes together, and mostly of up to `most`. */
  pieces(random: Random, total: number, most: number): Uint8Array[];
}

const KINDS: readonly Kind[] = [{
  name: "with full shares",
  sharing: {},
  seeds: 10,
  pieces: (random, total, most) => [...random.cuts(random.bytes(total), most)],
}, {
  name: "with short shares",
  sharing: { short: true },
  seeds: 6,
  pieces(random, total, most) {
    const bodies: Uint8Array[] = [];
    for (let left = total; left > 0; left -= bodies.at(-1)!.length) {
      // Around the length from which on bodies are dispersed, and far beyond.
      const length = random.pick([random.between(1, 40), random.between(1020, 1030), random.between(1, 3 * most)]);
      bodies.push(random.bytes(Math.min(length, MAX_BODY)));
    }
    const [key, ...records] = direction(bodies), pieces: Uint8Array[] = [];
    while (records.length > 0) pieces.push(concat(records.splice(0, random.between(1, 4))));
    return [concat([key!, pieces[0]!]), ...pieces.slice(1)];
  },
}];

for (const { name, sharing, seeds, pieces: piecesOf } of KINDS) {
  Deno.test(`${name}, a chunk does not change until it is released, while bytes arrive and leave, and others are released`, async () => {
    await forSeeds(seeds, async (random) => {
      const network = new MemoryNetwork({ capacity: 10_000, chunk: (available) => random.below(available) });
      const pair = await associatedPair(random.between(2, 4), network, undefined, sharing);
      const sent = piecesOf(random, 60_000, 3000), pieces: Uint8Array[] = [];
      const held: (readonly [chunk: Chunk, first: Uint8Array])[] = [];
      const release = () => {
        const [chunk, first] = held.splice(random.below(held.length), 1)[0]!;
        assert(isSame(chunk.bytes, first), "a chunk changed while it was held");
        chunk.release();
      };
      const sending = sendPieces(pair.client, sent, random);
      for await (const chunk of pair.server.readable) {
        const first = chunk.bytes.slice();
        pieces.push(first);
        held.push([chunk, first]);
        if (random.below(8) === 0) await settle();
        while (held.length > 0 && random.below(3) > 0) release();
      }
      assert(isSame(concat(pieces), concat(sent)));
      await sending;
      await finish(pair);
      while (held.length > 0) release();
    });
  });

  Deno.test(`${name}, no buffer is used twice at a time, by associations that send, end and abort at any moment`, async () => {
    await forSeeds(seeds / 2 - 1, async (random) => {
      const violations: string[] = [];
      await Promise.all(Array.from({ length: 25 }, async (_, round) => {
        const network = new MemoryNetwork({ capacity: 3000, chunk: (available) => random.below(available) });
        const over = new JealousNetwork(network, random);
        const pair = await associatedPair(random.between(2, 4), network, over, sharing);
        const pieces = piecesOf(random, random.between(1, 15_000), 3000), bytes = concat(pieces);
        const endsAt = round % 3 === 0 ? Infinity : random.below(bytes.length + 1);
        let seen = 0;
        const hold = async (chunk: Chunk): Promise<void> => {
          const due = bytes.subarray(seen, seen += chunk.bytes.length);
          if (seen >= endsAt) random.pick([pair.client, pair.server])[random.pick(["end", "abort"] as const)]();
          for (let turns = random.below(50); turns > 0; turns--) await Promise.resolve();
          assert(isSame(chunk.bytes, due), "a chunk is wrong, or changed while it was held");
        };
        const failed = (error: unknown) =>
          assert(error instanceof ChannelError || error instanceof AssociationOver, `${error}`);
        const reading = receive(pair.server, hold).catch(failed);
        // Chunks lost with the association are not released, but left to the garbage collector.
        const sending = sendPieces(pair.client, pieces, random).catch((error) => {
          if (!String(error).includes("were not released")) failed(error);
        });
        const back = receive(pair.client).catch(failed);
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

  for (const held of [false, true]) {
    const when = held ? "once the last of many held chunks is released" : "as chunks are released";
    Deno.test(`${name}, large buffers are given back ${when}, after a flow that ends in order`, async () => {
      const random = new Random(2), pieces = piecesOf(random, 2_000_000, 200_000), { inUse } = bufferBytes();
      const pair = await associatedPair(3, new MemoryNetwork({ capacity: 1 << 18 }), undefined, sharing);
      const chunks: Chunk[] = [];
      const sending = sendPieces(pair.client, pieces, random).then(() => pair.client.readable.getReader().read());
      let most = 0;
      for await (const chunk of pair.server.readable) {
        most = Math.max(most, bufferBytes().inUse);
        if (held) chunks.push(chunk);
        else chunk.release();
      }
      await pair.server.writable.getWriter().close();
      await sending;
      await finish(pair);
      assert(most > inUse, "the flow used large buffers");
      if (held) assert(bufferBytes().inUse - inUse >= 1_000_000, "chunks keep their memory");
      // Two segments a channel at each end, shares on their way, a body, and what one call passes on.
      else assert(most - inUse < 16 * READ_AHEAD, `${most - inUse} bytes in use`);
      for (const chunk of chunks) chunk.release();
      assertEquals(bufferBytes().inUse, inUse);
    });
  }
}

Deno.test("chunks that are held long keep their own memory, and no more than the reader needs besides", async () => {
  const random = new Random(4), { inUse } = bufferBytes();
  const pair = await associatedPair(2, new MemoryNetwork({ capacity: 1 << 18 }));
  const sending = send(pair.client, random.bytes(3_000_000), random, 100_000);
  const reader = pair.server.readable.getReader();
  const [first, copy] = await reader.read().then(({ value }) => [value!, value!.bytes.slice()] as const);
  for (let got = first.bytes.length; got < 3_000_000;) {
    const { value } = await reader.read();
    got += value!.bytes.length;
    value!.release();
    // Two segments a channel at each end, shares on their way, and the one that is held.
    assert(bufferBytes().inUse - inUse < 12 * READ_AHEAD, `${bufferBytes().inUse - inUse} bytes in use`);
  }
  await sending;
  assertEquals(first.bytes.slice(), copy);
  first.release();
  await finish(pair);
});

Deno.test("a reader gives what has arrived, in order, aligned to the stream, whatever is taken, held and released when", async () => {
  // At each step: takes up to so many bytes, and releases that chunk of those held, while a read is in progress or not.
  const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 700 }), fc.nat(), fc.boolean()), { maxLength: 40 });
  const cuts = bytes(0, 3000).chain((whole) => fc.tuple(fc.constant(whole), cutsOf(whole, 20)));
  await fc.assert(
    fc.asyncProperty(cuts, steps, async ([whole, pieces], steps) => {
      const arriving = pieces.filter(({ length }) => length > 0), held: (readonly [Chunk, Uint8Array])[] = [];
      let rest = new Uint8Array(0);
      const connection = {
        read(into: Uint8Array): Promise<number | null> {
          if (rest.length === 0) rest = arriving.shift() as Uint8Array<ArrayBuffer> ?? rest;
          const part = rest.subarray(0, into.length);
          into.set(part);
          rest = rest.subarray(part.length);
          return Promise.resolve(part.length || null);
        },
      } as Connection;
      const reader = new ChannelReader(connection), taken: Uint8Array[] = [];
      let at = 0;
      const take = (most: number): void => {
        const chunk = reader.take(Math.min(most, reader.contiguous)), first = chunk.bytes.slice();
        assertEquals(chunk.bytes.byteOffset % 8, at % 8);
        at += first.length;
        taken.push(first);
        held.push([chunk, first]);
      };
      const release = (index: number): void => {
        const [chunk, first] = held.splice(index % held.length, 1)[0]!;
        assertEquals(chunk.bytes.slice(), first);
        chunk.release();
      };
      for (const [most, which] of steps) {
        reader.read();
        await settle();
        if (reader.available > 0) take(most);
        if (which % 3 > 0 && held.length > 0) release(which);
      }
      while (reader.ended === null || reader.available > 0) {
        reader.read();
        await settle();
        while (reader.available > 0) take(Infinity);
      }
      reader.release();
      while (held.length > 0) release(0);
      assertEquals([concat(taken).toHex(), reader.received], [whole.toHex(), whole.length]);
    }),
    { numRuns: 60 },
  );
});

Deno.test("a buffer that a read may still fill is not given back with the others", async () => {
  const reads: { into: Uint8Array; resolve: (length: number) => void }[] = [];
  const connection = {
    read: (into: Uint8Array) => new Promise((resolve) => reads.push({ into, resolve })),
  } as unknown as Connection;
  const reader = new ChannelReader(connection);
  reader.read();
  reader.release();
  const others = Array.from({ length: 200 }, () => takeBuffer(SMALLEST_BUFFER).fill(7));
  const [{ into, resolve }] = reads as [typeof reads[0]];
  into.fill(9);
  resolve(into.length);
  await settle();
  assert(others.every((buffer) => buffer.every((byte) => byte === 7)));
  assertEquals([reader.available, reader.ended], [0, { cause: null }]);
  others.forEach(giveBuffer);
});
