/** The stages of an association's pipelines, each alone: splitting, sending, receiving and joining shares. */
import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { ChannelReader } from "../../src/association/channel_reader.ts";
import { ChannelsSink } from "../../src/association/channels_sink.ts";
import { ChannelsSource } from "../../src/association/channels_source.ts";
import { shareJoiner } from "../../src/association/share_joiner.ts";
import { ShareSender } from "../../src/association/share_sender.ts";
import { shareSplitter } from "../../src/association/share_splitter.ts";
import type { Chunk } from "../../src/net/chunk.ts";
import type { Connection } from "../../src/net/connection.ts";
import { xor } from "../../src/sharing/xor.ts";
import { concat } from "../../src/wire/concat.ts";
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
