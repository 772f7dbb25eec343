/** The memory of associations with short shares: never used twice at a time, and given back, however they end. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { Association } from "../../src/association/association.ts";
import { AssociationOver, ChannelError } from "../../src/association/channel_error.ts";
import { ChannelReader, READ_AHEAD } from "../../src/association/channel_reader.ts";
import { bufferBytes } from "../../src/net/buffer_pool.ts";
import type { Chunk } from "../../src/net/chunk.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { KEY_LENGTH, RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { RecordError } from "../../src/records/record_decoder.ts";
import { CIPHER_KEY_LENGTH } from "../../src/sharing/stream_cipher.ts";
import { concat } from "../../src/wire/concat.ts";
import { direction } from "../records/direction.ts";
import { sharesOf } from "../short/shared.ts";
import { isSame, receive } from "../support/handlers/channels.ts";
import { associatedPair, channelAddresses, type Pair } from "../support/handlers/pair.ts";
import { Lender, taken } from "../support/network/chunks.ts";
import { JealousNetwork } from "../support/network/jealous_network.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { forSeeds, Random } from "../support/random/random.ts";
import { settle } from "../support/time/fake_clock.ts";

const SHORT = { short: true };

/** Bodies of a total length of at least `total`, around the length from which on they are dispersed, and far beyond. */
function bodiesOf(random: Random, total: number, most = 9000): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  for (let left = total; left > 0; left -= bodies.at(-1)!.length) {
    bodies.push(
      random.bytes(random.pick([random.between(1, 40), random.between(1020, 1030), random.between(1, most)])),
    );
  }
  return bodies;
}

/** Writes KEY and records, one to four at a time, and closes. */
async function send({ writable }: Association, bodies: readonly Uint8Array[], random: Random): Promise<void> {
  const writer = writable.getWriter(), lender = new Lender(), [key, ...records] = direction(bodies);
  let head = [key!];
  while (records.length > 0) {
    const piece = concat([...head, ...records.splice(0, random.between(1, 4))]);
    head = [];
    await writer.write(lender.lend(piece, random.below(8)));
  }
  await writer.close();
  if (lender.held > 0) throw new Error(`${lender.held} chunks that have left were not released`);
}

async function finish({ client, server, network, clock }: Pair): Promise<void> {
  client.end();
  server.end();
  await settle();
  assertEquals([network.openEnds, clock.pending], [0, 0]);
}

Deno.test("with short shares, a chunk does not change until it is released, while others come and go", async () => {
  await forSeeds(6, async (random) => {
    const chunk = (available: number) => random.below(available);
    const pair = await associatedPair(
      random.between(2, 4),
      new MemoryNetwork({ capacity: 10_000, chunk }),
      undefined,
      SHORT,
    );
    const bodies = bodiesOf(random, 60_000), message = concat([...direction(bodies)]), pieces: Uint8Array[] = [];
    const held: (readonly [chunk: Chunk, first: Uint8Array])[] = [];
    const release = () => {
      const [chunk, first] = held.splice(random.below(held.length), 1)[0]!;
      assert(isSame(chunk.bytes, first), "a chunk changed while it was held");
      chunk.release();
    };
    const sending = send(pair.client, bodies, random);
    for await (const chunk of pair.server.readable) {
      const first = chunk.bytes.slice();
      pieces.push(first);
      held.push([chunk, first]);
      if (random.below(8) === 0) await settle();
      while (held.length > 0 && random.below(3) > 0) release();
    }
    assert(isSame(concat(pieces), message));
    await sending;
    await finish(pair);
    while (held.length > 0) release();
  });
});

Deno.test("with short shares, no buffer is used twice at a time by associations that send, end and abort at any moment", async () => {
  await forSeeds(2, async (random) => {
    const violations: string[] = [];
    await Promise.all(Array.from({ length: 25 }, async (_, round) => {
      const network = new MemoryNetwork({ capacity: 3000, chunk: (available) => random.below(available) });
      const over = new JealousNetwork(network, random);
      const pair = await associatedPair(random.between(2, 4), network, over, SHORT);
      const bodies = bodiesOf(random, random.between(1, 15_000)), bytes = concat([...direction(bodies)]);
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
      const sending = send(pair.client, bodies, random).catch((error) => {
        // Chunks lost with the association are not released, but left to the garbage collector.
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
  Deno.test(`with short shares, large buffers are given back ${when}, after a flow that ends in order`, async () => {
    const random = new Random(2), bodies = bodiesOf(random, 2_000_000, 65_536), { inUse } = bufferBytes();
    const pair = await associatedPair(3, new MemoryNetwork({ capacity: 1 << 18 }), undefined, SHORT);
    const chunks: Chunk[] = [];
    const sending = send(pair.client, bodies, random).then(() => pair.client.readable.getReader().read());
    let most = 0;
    for await (const chunk of pair.server.readable) {
      most = Math.max(most, bufferBytes().inUse - inUse);
      if (held) chunks.push(chunk);
      else chunk.release();
    }
    await pair.server.writable.getWriter().close();
    await sending;
    await finish(pair);
    assert(most > 0, "the flow used large buffers");
    if (held) assert(bufferBytes().inUse - inUse >= 1_000_000, "chunks keep their memory");
    // Two segments a channel at each end, shares on their way, a body, and what one call passes on.
    else assert(most < 16 * READ_AHEAD, `${most} bytes in use`);
    for (const chunk of chunks) chunk.release();
    assertEquals(bufferBytes().inUse, inUse);
  });
}

/** Three channels, and a body of which each brings so little that only the joiner takes a large buffer. */
const COUNT = 3, SHARES = sharesOf([new Random(1).bytes(20_000)], COUNT);
const KEY = KEY_LENGTH + RECORD_HEAD_LENGTH, FRAGMENT = KEY + CIPHER_KEY_LENGTH;

/** A receiving association, and the other ends of its channels. */
async function receiving() {
  const network = new MemoryNetwork(), addresses = channelAddresses(COUNT), bodies: Uint8Array[] = [];
  const pairs = await Promise.all(addresses.map(async (address) => {
    const listener = network.listen(address), pair = await Promise.all([network.connect(address), listener.accept()]);
    listener.close();
    return pair;
  }));
  const association = new Association("1", pairs.map(([, end]) => new ChannelReader(end!)), addresses, SHORT);
  const ended = association.records()
    .pipeTo(new WritableStream<readonly Chunk[]>({ write: (records) => void bodies.push(...records.map(taken)) }))
    .then(() => null, (error: unknown) => error)
    .then((error) => {
      if (error instanceof RecordError) association.fail(error);
      association.end();
      return error;
    });
  return { network, association, ends: pairs.map(([end]) => end), bodies, ended };
}

/** Ends of an association in the middle of a body. */
const ENDS: Readonly<Record<string, (association: Association, ends: readonly Connection[]) => unknown>> = {
  "its owner ends it": (association) => association.end(),
  "its owner aborts it": (association) => association.abort(),
  "it fails": (association) => association.fail(new Error("a violation")),
  "a channel is reset": (_, ends) => ends[1]!.reset(),
  "a channel is closed": (_, ends) => ends[2]!.close(),
  "all channels are half-closed": (_, ends) => Promise.all(ends.map((end) => end.closeWrite())),
};

for (const [how, end] of Object.entries(ENDS)) {
  Deno.test(`with short shares, ${how} in the middle of a body: its buffer is given back, and no byte of it is used`, async () => {
    for (const at of [KEY, KEY + 7, FRAGMENT, FRAGMENT + 1, FRAGMENT + 2000]) {
      const { inUse } = bufferBytes(), { network, association, ends, bodies, ended } = await receiving();
      await Promise.all(ends.map((end, index) => writeAll(end, SHARES[index]!.subarray(0, at))));
      await settle();
      assertEquals(bufferBytes().inUse > inUse, at > FRAGMENT);
      await end(association, ends);
      await ended;
      await settle();
      assertEquals([bodies, bufferBytes().inUse - inUse], [[], 0], `after ${at} bytes`);
      for (const one of ends) one.close();
      await settle();
      assertEquals(network.openEnds, 0);
    }
  });
}

Deno.test("with short shares, a head that was changed ends the association although its body has begun, which costs no buffer", async () => {
  const { inUse } = bufferBytes(), { network, association, ends, bodies, ended } = await receiving();
  const changed = SHARES.map((share) => share.slice());
  changed[1]![KEY - 1]! ^= 1;
  await Promise.all(ends.map((end, index) => writeAll(end, changed[index]!.subarray(0, FRAGMENT + 100))));
  assertInstanceOf(await ended, RecordError);
  await settle();
  assertEquals([bodies, bufferBytes().inUse - inUse, association.ended], [[], 0, true]);
  for (const one of ends) one.close();
  await settle();
  assertEquals(network.openEnds, 0);
});
