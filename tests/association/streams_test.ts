/** Message bytes through associated channels: complete, in order, at the pace of the slowest, in bounded memory. */
import { assert, assertEquals } from "@std/assert";
import { READ_AHEAD } from "../../src/association/channel_reader.ts";
import { LARGEST_BUFFER } from "../../src/net/buffer_pool.ts";
import { concat } from "../../src/wire/concat.ts";
import { bodyShare, messageOf } from "../short/records.ts";
import { settle } from "../support/time/fake_clock.ts";
import { Interposer } from "../support/network/interposer.ts";
import { Lender, taken } from "../support/network/chunks.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { associatedPair, type Pair } from "../support/handlers/pair.ts";
import { isSame, raw, receive, send } from "../support/handlers/channels.ts";
import { forSeeds, Random } from "../support/random/random.ts";

/** Maximum number of pieces of a path's capacity: more of a few bytes each take long, and nothing else happens in them. */
const MOST_PIECES = 2000;

async function finish({ client, server, network, clock }: Pair): Promise<void> {
  client.end();
  server.end();
  await settle();
  assertEquals([network.openEnds, clock.pending], [0, 0]);
}

Deno.test("message bytes arrive complete in both directions, with any sizes, fragmentation, speeds and number of channels", async () => {
  await forSeeds(20, async (random) => {
    const slow = random.below(16);
    const capacity = random.pick([1, 7, 1000, 65536, 1 << 20]);
    const network = new MemoryNetwork({
      capacity,
      // One channel may be much slower than the others, in one direction.
      chunk: (available, { remote }) =>
        remote.host === `192.0.2.${slow}` ? 1 + random.below(9) : random.below(available),
    });
    const pair = await associatedPair(random.between(2, 16), network);
    const most = random.pick([1, 9, 70, 5000, LARGEST_BUFFER]);
    const [up, down] = [
      random.bytes(random.below(Math.min(50_000, most * 200, capacity * MOST_PIECES))),
      random.bytes(random.below(Math.min(40_000, most * 20, capacity * MOST_PIECES))),
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
  const [got] = await Promise.all([receive(pair.server), send(pair.client, bytes, random, LARGEST_BUFFER)]);
  assert(isSame(got, bytes));
  await finish(pair);
});

Deno.test("every channel carries exactly as many bytes as the message has, and counts them", async () => {
  const paths: Interposer[] = [];
  const network = new MemoryNetwork({ interpose: (path) => paths.push(new Interposer(path)) });
  const pair = await associatedPair(4, network);
  const before = paths.map(({ fromClient }) => fromClient), all = Array(4).fill(10_000);
  let written = 0;
  pair.client.written = () => written++;
  await Promise.all([receive(pair.server), send(pair.client, new Uint8Array(10_000), new Random(4), 700)]);
  assertEquals(paths.map(({ fromClient }, index) => fromClient - before[index]!), all);
  assertEquals([pair.client.sent, pair.client.behind, written >= 10_000 / 700], [all, Array(4).fill(0), true]);
  assertEquals([pair.server.joined, pair.client.joined], [10_000, 0]);
  assertEquals([pair.server.received, pair.server.receivedOn(2), pair.client.received], [
    all,
    10_000,
    Array(4).fill(0),
  ]);
  pair.client.end();
  pair.server.end();
  await Promise.all(paths.map(({ done }) => done));
  await finish(pair);
});

Deno.test("with short shares, messages of records arrive in both directions, and channels carry and count what shares have", async () => {
  await forSeeds(8, async (random) => {
    const count = random.between(2, 6), paths: Interposer[] = [];
    const network = new MemoryNetwork({
      capacity: random.pick([1000, 65_536, 1 << 20]),
      chunk: (available) => random.below(available),
      interpose: (path) => paths.push(new Interposer(path)),
    });
    const pair = await associatedPair(count, network, network, { short: true });
    assertEquals([pair.client.list[1], pair.server.list[1], pair.client.list[2]], [3, 3, count]);
    const before = paths.map(({ fromClient, fromServer }) => [fromClient, fromServer]);
    const message = (most: number) => {
      const lengths = Array.from({ length: most }, () => random.pick([1, 1000, 1024, 1025, 9000, 65_536]));
      return messageOf(count, lengths, lengths.map(() => random.below(2) === 0), random.below(1000));
    };
    const [up, down] = [message(14), message(5)];
    let written = 0;
    pair.client.written = () => written++;
    const lender = new Lender();
    const sending = ([{ writable }, { chunks }]: [typeof pair.client, typeof up]): Promise<void> =>
      ReadableStream.from(chunks.map((chunk) => lender.lend(chunk, random.below(8)))).pipeTo(writable);
    const [gotUp, gotDown] = await Promise.all([
      receive(pair.server),
      receive(pair.client),
      sending([pair.client, up]),
      sending([pair.server, down]),
    ]);
    assert(isSame(gotUp, concat(up.chunks)) && isSame(gotDown, concat(down.chunks)));
    const [each, back] = [up, down].map(({ lengths }) =>
      lengths.reduce((sum, length) => sum + 35 + bodyShare(length, count), 48)
    ) as [number, number];
    const all = <T>(value: T): T[] => Array(count).fill(value), { client, server } = pair;
    const carried = paths.map((path, index) => [
      path.fromClient - before[index]![0]!,
      path.fromServer - before[index]![1]!,
    ]);
    assertEquals(carried, all([each, back]));
    assertEquals([client.sent, client.received, client.offered, client.joined], [all(each), all(back), each, back]);
    assertEquals([server.sent, server.received, server.offered, server.joined], [all(back), all(each), back, each]);
    assertEquals([written, lender.held, client.behind], [up.chunks.length, 0, all(0)]);
    client.end();
    server.end();
    await Promise.all(paths.map(({ done }) => done));
    await finish(pair);
  });
});

Deno.test("with short shares, a head arrives while its body is still being written, and the body once it is whole", async () => {
  const pair = await associatedPair(2, new MemoryNetwork({ capacity: 100 }), undefined, { short: true });
  const { chunks: [message] } = messageOf(2, [3000]), reader = pair.server.readable.getReader(), lender = new Lender();
  const writer = pair.client.writable.getWriter();
  writer.write(lender.lend(message!)).catch(() => {});
  const pieces: Uint8Array[] = [];
  const come = (): number => pieces.reduce((sum, { length }) => sum + length, 0);
  while (come() < 48 + 35) pieces.push(taken((await reader.read()).value!));
  assert(pair.client.sent[0]! < 48 + 35 + 32 + 1500);
  assertEquals(come(), 48 + 35);
  pieces.push(taken((await reader.read()).value!));
  assertEquals(concat(pieces), message);
  await finish(pair);
});

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
    const others = [0, 1, 2].filter((index) => index !== late);
    const early = others.map((index) => sendShare(index));
    for (let i = 0; i < 100; i++) await settle();
    for (const index of others) {
      const ahead = taken[index]! - flowing;
      assert(ahead >= READ_AHEAD, `only ${ahead} bytes were read ahead`);
      assert(ahead <= 2 * READ_AHEAD + capacity, `${ahead} bytes were read ahead`);
    }
    assertEquals([0, 1, 2].filter((index) => association.awaits(index)), [late]);
    await Promise.all([...early, sendShare(late)]);
    assert(isSame(await reading, message!));
    association.end();
    for (const end of ends) end.close();
    assertEquals(network.openEnds, 0);
  }
});

Deno.test("writing waits while the other side does not read, and continues when it does", async () => {
  const pair = await associatedPair(3, new MemoryNetwork({ capacity: 4096 }));
  const writer = pair.client.writable.getWriter(), lender = new Lender();
  let written = 0;
  const sending = (async () => {
    for (; written < 100; written++) await writer.write(lender.lend(new Uint8Array(4096).fill(written)));
    await writer.close();
  })();
  await settle();
  const blockedAt = written;
  assert(blockedAt < 10, `${blockedAt} pieces left although the other side does not read`);
  await settle();
  assertEquals(written, blockedAt);
  const got = await receive(pair.server);
  await sending;
  assertEquals([got.length, lender.held], [100 * 4096, 0]);
  assert(got.every((byte, at) => byte === at >> 12));
  await finish(pair);
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

Deno.test("a message arrives while its chunk is still being written: nothing waits for a chunk to be full", async () => {
  const pair = await associatedPair(2, new MemoryNetwork({ capacity: 100 }));
  const reader = pair.server.readable.getReader(), lender = new Lender();
  const writer = pair.client.writable.getWriter();
  writer.write(lender.lend(new Uint8Array(1000).fill(3))).catch(() => {});
  const { value } = await reader.read();
  assertEquals(value!.bytes.slice(), new Uint8Array(value!.bytes.length).fill(3));
  assert(value!.bytes.length <= 100 && pair.client.sent[0]! < 1000);
  value!.release();
  await finish(pair);
});
