/** The stages of an association's pipelines, each alone: splitting, sending, receiving and joining shares. */
import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { ChannelReader } from "../../src/association/channel_reader.ts";
import { ChannelsSink } from "../../src/association/channels_sink.ts";
import { ChannelsSource } from "../../src/association/channels_source.ts";
import { shareJoiner, shortShareJoiner } from "../../src/association/share_joiner.ts";
import { ShareSender } from "../../src/association/share_sender.ts";
import { shareSplitter, shortShareSplitter } from "../../src/association/share_splitter.ts";
import { bufferBytes } from "../../src/net/buffer_pool.ts";
import type { Chunk } from "../../src/net/chunk.ts";
import type { Connection } from "../../src/net/connection.ts";
import { xor } from "../../src/sharing/xor.ts";
import { concat } from "../../src/wire/concat.ts";
import { joinSlowly, messageOf, messages } from "../short/records.ts";
import { Lender, taken } from "../support/network/chunks.ts";
import { bytes, cutsOf, fc } from "../support/random/property.ts";
import { Random } from "../support/random/random.ts";
import { settle } from "../support/time/fake_clock.ts";

const failed = (index: number, cause: unknown): Error => new Error(`channel ${index + 1}`, { cause });

/** All that a stream gives. */
async function all<T>(stream: ReadableStream<T>): Promise<T[]> {
  return await Array.fromAsync(stream);
}

Deno.test("shares have the message's length and alignment, join to it, and the message is released, unchanged", async () => {
  const chunk = fc.tuple(bytes(1, 700), fc.nat(7)), count = fc.integer({ min: 2, max: 16 });
  await fc.assert(fc.asyncProperty(fc.array(chunk, { maxLength: 5 }), count, async (sent, count) => {
    const lender = new Lender(), messages = sent.map(([bytes, phase]) => lender.lend(bytes, phase));
    const splitter = shareSplitter(xor, new Random(1).fill, count);
    const shares = await all(ReadableStream.from(messages).pipeThrough(splitter));
    assertEquals([shares.length, lender.held], [sent.length, 0]);
    shares.forEach((some, index) => {
      const [message, phase] = sent[index]!;
      assertEquals(
        some.map(({ bytes }) => [bytes.length, bytes.byteOffset % 8]),
        Array(count).fill([message.length, phase]),
      );
      xor.join(some.map(({ bytes }) => bytes));
      assertEquals(some[0]!.bytes.slice(), message);
      for (const share of some) share.release();
    });
  }));
});

Deno.test("no share of a message passes whose pads fail, at whichever pad, and none behind it", async () => {
  for (let failing = 0; failing < 6; failing++) {
    let pads = 0;
    const splitter = shareSplitter(xor, (into) => {
      if (pads++ === failing) throw new Error("no entropy");
      into.fill(pads);
    }, 3);
    const lender = new Lender(), shares: (readonly Chunk[])[] = [];
    const messages = [1, 2, 3, 4].map((byte) => lender.lend(Uint8Array.of(byte, byte)));
    const into = new WritableStream<readonly Chunk[]>({ write: (some) => void shares.push(some) });
    await assertRejects(() => ReadableStream.from(messages).pipeThrough(splitter).pipeTo(into), Error, "no entropy");
    assertEquals([shares.length, pads], [failing >> 1, failing + 1]);
  }
});

Deno.test("shares are joined in the first one's memory, which is passed on; the others are released", async () => {
  const lender = new Lender(), message = new Random(2).bytes(100);
  const shares = Array.from({ length: 3 }, () => lender.lend(new Uint8Array(100)));
  xor.split(message, shares.map(({ bytes }) => bytes), new Random(3).fill);
  const [joined, ...others] = await all(ReadableStream.from([shares]).pipeThrough(shareJoiner(xor)));
  assertStrictEquals(joined, shares[0]);
  assertEquals([others.length, lender.held, taken(joined!), lender.held], [0, 1, message, 0]);
});

Deno.test("short shares are of one length and aligned to words, join to their message, which is released, unchanged", async () => {
  await fc.assert(
    fc.asyncProperty(messages(4000), fc.nat(7), async ({ count, chunks }, phase) => {
      const lender = new Lender(), { inUse } = bufferBytes();
      const sent = chunks.map((chunk) => lender.lend(chunk, phase)), before = sent.map(({ bytes }) => bytes.slice());
      const shares: (readonly Uint8Array[])[] = [];
      const look = new TransformStream<readonly Chunk[], readonly Chunk[]>({
        transform(some, controller) {
          const [{ bytes: { length } }] = some as [Chunk];
          assertEquals(some.map(({ bytes }) => [bytes.length, bytes.byteOffset % 8]), Array(count).fill([length, 0]));
          shares.push(some.map(({ bytes }) => bytes.slice()));
          controller.enqueue(some);
        },
      });
      const stages = ReadableStream.from(sent).pipeThrough(shortShareSplitter(new Random(1).fill, count))
        .pipeThrough(look).pipeThrough(shortShareJoiner(count));
      const joined = (await all(stages)).map(taken);
      assertEquals([shares.length, lender.held, bufferBytes().inUse], [sent.length, 0, inUse]);
      const whole = concat(before);
      assertEquals(concat(joined), whole);
      assertEquals(
        joinSlowly(Array.from({ length: count }, (_, index) => concat(shares.map((of) => of[index]!)))).message,
        whole,
      );
    }),
    { numRuns: 60 },
  );
});

/** The short shares of records that follow KEY in one chunk, and the bytes of large buffers that they use. */
async function shortSharesOf(count: number, lengths: number[]): Promise<{ shares: readonly Chunk[]; used: number }> {
  const { chunks } = messageOf(count, lengths, [true]), { inUse } = bufferBytes(), lender = new Lender();
  const splitter = shortShareSplitter(new Random(1).fill, count);
  const [first, shares] = await all(
    ReadableStream.from(chunks.map((chunk) => lender.lend(chunk))).pipeThrough(splitter),
  );
  for (const share of first!) share.release();
  return { shares: shares!, used: bufferBytes().inUse - inUse };
}

Deno.test("short shares of the longest records lie in one buffer, given back with the last of them", async () => {
  for (let count = 2; count <= 16; count++) {
    for (const records of [1, 8]) {
      const { inUse } = bufferBytes(), { shares, used } = await shortSharesOf(count, Array(records).fill(65_536));
      assertEquals(new Set(shares.map(({ bytes }) => bytes.buffer)).size, 1, `${count} channels, ${records} records`);
      assert(used > 0 && used < records * 65_536 * 1.02, `${used} bytes`);
      const [last, ...others] = shares.toReversed();
      for (const share of others) share.release();
      assertEquals(bufferBytes().inUse, inUse + used);
      last!.release();
      assertEquals(bufferBytes().inUse, inUse);
    }
  }
});

Deno.test("short shares of many short bodies, too long for one buffer, have one each", async () => {
  const { inUse } = bufferBytes(), { shares, used } = await shortSharesOf(3, Array(250).fill(1000));
  assertEquals(new Set(shares.map(({ bytes }) => bytes.buffer)).size, 3);
  for (const left of [2, 1, 0]) {
    shares[left]!.release();
    assertEquals(bufferBytes().inUse, inUse + used * left / 3);
  }
});

Deno.test("no short share of a message passes whose pads or keys fail, at whichever, or that ends within a record", async () => {
  const { chunks: [first, second] } = messageOf(3, [20, 2000, 5, 2000], [false, false, true]);
  // In the first, KEY, a body and a head take two pads and a key; in the second, a body and a head do.
  const shared = async (messages: readonly Uint8Array[], pads = (into: Uint8Array): void => void into.fill(7)) => {
    const lender = new Lender(), shares: (readonly Chunk[])[] = [];
    const into = new WritableStream<readonly Chunk[]>({ write: (some) => void shares.push(some) });
    const lent = messages.map((message) => lender.lend(message));
    const error = await ReadableStream.from(lent).pipeThrough(shortShareSplitter(pads, 3)).pipeTo(into)
      .catch((error: unknown) => error);
    return { error, passed: shares.length };
  };
  let draws = 0;
  await shared([first!, second!], (into) => void into.fill(++draws));
  assertEquals(draws, 6);
  for (let failing = 0; failing < draws; failing++) {
    let drawn = 0;
    const { error, passed } = await shared([first!, second!], (into) => {
      if (drawn++ === failing) throw new Error("no entropy");
      into.fill(drawn);
    });
    assertEquals([(error as Error).message, passed, drawn], ["no entropy", Number(failing >= 3), failing + 1]);
  }
  const { error, passed } = await shared([first!, second!.subarray(0, -1), second!]);
  assertInstanceOf(error, RangeError);
  assertEquals(passed, 1);
});

Deno.test("short shares cut anywhere are released once they are joined, into memory of its own", async () => {
  const cuts = fc.array(fc.nat(), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(messages(3000), cuts, async ({ count, chunks }, cuts) => {
      const lender = new Lender(), whole = concat(chunks);
      const splitter = shortShareSplitter(new Random(1).fill, count),
        shares = await all(
          ReadableStream.from(chunks.map((chunk) => lender.lend(chunk))).pipeThrough(splitter),
        );
      const each = Array.from({ length: count }, (_, index) => concat(shares.map((of) => of[index]!.bytes)));
      const { length } = each[0]!, ends = [...cuts.map((cut) => cut % length), length].sort((a, b) => a - b);
      const pieces = ends.map((end, index) =>
        each.map((share) => lender.lend(share.subarray(ends[index - 1] ?? 0, end)))
      );
      // The lender overwrites what is released: the message must not lie there.
      const joined = await all(ReadableStream.from(pieces).pipeThrough(shortShareJoiner(count)));
      assertEquals(lender.held, 0);
      assertEquals(concat(joined.map(taken)), whole);
    }),
    { numRuns: 60 },
  );
});

/** A channel that accepts as many bytes of each write as the next number says, up to an offset at which it breaks. */
class Accepting {
  readonly pieces: Uint8Array[] = [];
  length = 0;
  closed = false;
  readonly connection: Connection;

  constructor(lengths: Iterator<number>, breaksAt = Infinity) {
    this.connection = {
      write: async (bytes: Uint8Array): Promise<number> => {
        const length = Math.min(bytes.length, lengths.next().value ?? Infinity);
        for (let turns = length % 5; turns > 0; turns--) await null;
        if (this.length + length > breaksAt) throw new Deno.errors.BrokenPipe("Broken pipe");
        this.pieces.push(bytes.slice(0, length));
        this.length += length;
        return length;
      },
      closeWrite: () => Promise.resolve(void (this.closed = true)),
    } as Connection;
  }
}

/** A sender for each channel, which fails with its number. */
function sendersOf(channels: readonly Accepting[]): ShareSender[] {
  return channels.map(({ connection }, index) => new ShareSender(connection, (cause) => failed(index, cause)));
}

/** Shares of a message's pieces: each a chunk of a lender for each channel. */
function sharesOf(pieces: readonly Uint8Array[], channels: number, lender: Lender): (readonly Chunk[])[] {
  return pieces.map((piece) =>
    Array.from({ length: channels }, (_, index) => lender.lend(piece.map((byte) => byte ^ index)))
  );
}

const written = bytes(1, 200).chain((whole) => fc.tuple(fc.constant(whole), cutsOf(whole, 6)));
const lengths = fc.infiniteStream(fc.integer({ min: 1, max: 90 }));

Deno.test("each channel gets its shares in order, however little it accepts at a time, then a half-close", async () => {
  await fc.assert(
    fc.asyncProperty(written, fc.array(lengths, { minLength: 2, maxLength: 4 }), async ([whole, cuts], all) => {
      const pieces = cuts.filter(({ length }) => length > 0), lender = new Lender();
      let passed = 0;
      const channels = all.map((lengths) => new Accepting(lengths));
      const senders = sendersOf(channels), sink = new ChannelsSink(senders, () => passed++);
      await ReadableStream.from(sharesOf(pieces, channels.length, lender)).pipeTo(sink.writable);
      channels.forEach(({ pieces, closed }, index) => {
        assertEquals([concat(pieces).toHex(), closed], [whole.map((byte) => byte ^ index).toHex(), true]);
      });
      assertEquals(passed, pieces.length);
      const counts = senders.map(({ accepted, end, behind }) => [accepted, end, behind]);
      assertEquals([counts, lender.held], [channels.map(() => [whole.length, whole.length, 0]), 0]);
    }),
  );
});

Deno.test("where two channels of three suffice, a chunk counts as written once two have accepted it, and the next one goes on", async () => {
  const lender = new Lender(), stuck = Promise.withResolvers<number>(), endless = fc.sample(lengths, 1)[0]!;
  const channels = [0, 1].map(() => new Accepting(endless));
  const connections = [
    ...channels.map(({ connection }) => connection),
    { write: () => stuck.promise } as unknown as Connection,
  ];
  const senders = connections.map((connection, index) => new ShareSender(connection, (cause) => failed(index, cause)));
  let passed = 0;
  const sink = new ChannelsSink(senders, () => passed++, 2), writer = sink.writable.getWriter();
  const pieces = [1, 2, 3].map((byte) => new Uint8Array(50).fill(byte));
  for (const shares of sharesOf(pieces, 3, lender)) await writer.write(shares);
  assertEquals([passed, senders.map(({ behind }) => behind)], [3, [0, 0, 150]]);
  assertEquals(channels.map(({ pieces }) => concat(pieces).length), [150, 150]);
  for (const sender of senders) sender.stop(new Error("over"));
});

Deno.test("a channel that breaks fails the stream with its number; a share that may be in use is not released", async () => {
  const breaking = fc.tuple(written, fc.nat(2), fc.nat(199));
  await fc.assert(fc.asyncProperty(breaking, lengths, async ([[whole, cuts], victim, at], lengths) => {
    const breaksAt = at % whole.length, lender = new Lender();
    const pieces = cuts.filter(({ length }) => length > 0);
    let passed = 0;
    const channels = [0, 1, 2].map((index) => new Accepting(lengths, index === victim ? breaksAt : Infinity));
    const senders = sendersOf(channels), sink = new ChannelsSink(senders, () => passed++);
    const writing = ReadableStream.from(sharesOf(pieces, 3, lender)).pipeTo(sink.writable);
    const error = await assertRejects(() => writing, Error, `channel ${victim + 1}`);
    assertInstanceOf(error.cause, Deno.errors.BrokenPipe);
    await settle();
    const done = pieces.slice(0, passed).reduce((sum, { length }) => sum + length, 0);
    assert(done <= breaksAt && senders[victim]!.accepted <= breaksAt && lender.held >= 1);
    assertEquals(senders.map(({ accepted }) => accepted), channels.map(({ length }) => length));
    assertEquals(channels.map(({ closed }) => closed), [false, false, false]);
  }));
});

Deno.test("shares come aligned, each byte once and in order, in whichever order and cuts the channels bring them", async () => {
  const count = fc.integer({ min: 2, max: 4 });
  const arrivals = fc.tuple(bytes(0, 600), count).chain(([whole, count]) =>
    fc.tuple(
      fc.constant(whole),
      fc.array(cutsOf(whole, 8), { minLength: count, maxLength: count }),
      fc.infiniteStream(fc.nat()),
    )
  );
  await fc.assert(
    fc.asyncProperty(arrivals, async ([whole, cuts, order]) => {
      // The next channel to bring something is any of those with a read in progress.
      const waiting = new Map<number, (into: void) => void>();
      const connections = cuts.map((pieces, index) => {
        const left = pieces.filter(({ length }) => length > 0).map((piece) => piece.map((byte) => byte ^ index));
        return {
          read: async (into: Uint8Array) => {
            await new Promise<void>((resolve) => waiting.set(index, resolve));
            const next = left.shift();
            if (next === undefined) return null;
            const part = next.subarray(0, into.length);
            if (part.length < next.length) left.unshift(next.subarray(part.length));
            into.set(part);
            return part.length;
          },
        } as Connection;
      });
      const readers = connections.map((connection) => new ChannelReader(connection));
      let joined = 0;
      const events = {
        failed,
        ended: () => Promise.resolve(false),
        joined: (length: number) => void (joined += length),
      };
      const reading = all(new ChannelsSource(readers, events).readable.pipeThrough(
        new TransformStream<readonly Chunk[], Uint8Array[]>({
          transform(shares, controller) {
            const [first] = shares;
            for (const { bytes } of shares) {
              assertEquals([bytes.length, bytes.byteOffset % 8], [first!.bytes.length, first!.bytes.byteOffset % 8]);
            }
            assert(first!.bytes.length > 0);
            controller.enqueue(shares.map(taken));
          },
        }),
      ));
      for (let idle = 0; idle < 3;) {
        await settle();
        const next = [...waiting.keys()];
        if (next.length === 0) {
          idle++;
          continue;
        }
        const index = next[order.next().value! % next.length]!, resolve = waiting.get(index)!;
        waiting.delete(index);
        resolve();
      }
      const given = await reading;
      cuts.forEach((_, index) => {
        assertEquals(concat(given.map((shares) => shares[index]!)).toHex(), whole.map((byte) => byte ^ index).toHex());
      });
      for (const reader of readers) reader.release();
    }),
    { numRuns: 60 },
  );
});
