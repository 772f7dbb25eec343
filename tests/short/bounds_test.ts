/** Short shares of hostile senders: what their lengths let a joiner hold, pass on and wait for. */
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { shortShareJoiner } from "../../src/association/share_joiner.ts";
import { shortShareSplitter } from "../../src/association/share_splitter.ts";
import { bufferBytes, LARGEST_CAPACITY, takeBuffer } from "../../src/net/buffer_pool.ts";
import { Chunk } from "../../src/net/chunk.ts";
import { DirectionKey } from "../../src/records/direction_key.ts";
import { headTag, wasmPoly1305 } from "../../src/records/hashes.ts";
import { ELEMENT_LENGTH, HASH_AT, KEY_LENGTH, MAX_BODY, RECORD_HEAD_LENGTH, TAG_AT } from "../../src/records/record.ts";
import { RecordError } from "../../src/records/record_decoder.ts";
import { recordOpener } from "../../src/records/record_opener.ts";
import { CIPHER_KEY_LENGTH } from "../../src/sharing/stream_cipher.ts";
import { systemPads } from "../../src/sharing/system_pads.ts";
import { ShortJoiner } from "../../src/short/joiner.ts";
import { fragmentLength, shareLength } from "../../src/short/layout.ts";
import { concat } from "../../src/wire/concat.ts";
import { direction } from "../records/direction.ts";
import { Lender, taken } from "../support/network/chunks.ts";
import { Random } from "../support/random/random.ts";
import { settle } from "../support/time/fake_clock.ts";
import { sharesOf } from "./shared.ts";

/** Lengths that a head may announce, allowed or not. */
const LENGTHS = [0, 1, 1024, 1025, 65_536, 65_537, 2 ** 24 - 1];

/** Length in bytes of the longest buffer for a body. */
const BODY_BUFFER = takeBuffer(MAX_BODY).length;

/** Length in bytes of what a hostile sender brings on each channel, at most. */
const MOST = 400_000;

/**
 * Shares of KEY and of records whose heads are right and bodies noise, as a hostile sender can make: all on the first channel,
 * zeros on the others.
 *
 * @param length The length in each head, allowed or not.
 * @param records Their number.
 */
function hostile(length: number, count: number, records: number): Uint8Array[] {
  const random = new Random(length), key = new Uint8Array(KEY_LENGTH), pieces: Uint8Array[] = [key];
  DirectionKey.create(key, random.fill, wasmPoly1305);
  const noise = random.bytes(shareLength(Math.min(length, MAX_BODY), count) - RECORD_HEAD_LENGTH);
  for (let number = 1; number <= records; number++) {
    const head = random.bytes(RECORD_HEAD_LENGTH);
    head.set([length >> 16, length >> 8, length]);
    headTag(key.subarray(0, ELEMENT_LENGTH), length, number, head.subarray(HASH_AT, TAG_AT), head.subarray(TAG_AT));
    pieces.push(head, noise);
  }
  const first = concat(pieces);
  return Array.from({ length: count }, (_, index) => index === 0 ? first : new Uint8Array(first.length));
}

/** KEY and the first head. */
const START = KEY_LENGTH + RECORD_HEAD_LENGTH;

for (const count of [2, 3, 16]) {
  Deno.test(`a head of ${count} channels is passed on at once, whatever length it announces`, () => {
    for (const length of LENGTHS) {
      let passed = 0;
      const joiner = new ShortJoiner(count, (chunk) => void (passed += taken(chunk).length));
      joiner.join(hostile(length, count, 1).map((share) => share.slice(0, START)));
      assertEquals(passed, START, `${length}`);
      joiner.close();
    }
  });

  Deno.test(`one body and one output buffer are all that ${count} hostile channels make a joiner hold`, () => {
    const random = new Random(count);
    for (const length of LENGTHS) {
      const records = Math.ceil(MOST / shareLength(Math.min(length, MAX_BODY), count) / (length < 10 ? 20 : 1));
      const shares = hostile(length, count, records), { length: whole } = shares[0]!;
      for (const most of [100, 5000, MOST]) {
        const { inUse } = bufferBytes();
        let at = 0, passed = 0, largest = 0;
        const held = (): number => bufferBytes().inUse - inUse;
        const joiner = new ShortJoiner(count, (chunk) => {
          assert(chunk.bytes.length > 0 && chunk.bytes.length <= LARGEST_CAPACITY);
          assert(held() <= BODY_BUFFER + LARGEST_CAPACITY, `${held()} bytes`);
          passed += chunk.bytes.length;
          chunk.release();
          largest = Math.max(largest, held());
        });
        // Pieces of 100 bytes are many: some of them will do.
        for (let round = 0; at < whole && round < 200; round++) {
          const end = at + random.between(Math.ceil(most / 2), most);
          joiner.join(shares.map((share) => share.slice(at, end)));
          at = Math.min(end, whole);
          largest = Math.max(largest, held());
          assert(passed <= count * at, `${passed} bytes of ${at}`);
        }
        assert(largest <= BODY_BUFFER, `${largest} bytes besides the output`);
        const isAllowed = length > 0 && length <= MAX_BODY;
        if (isAllowed) assert(passed > at - 40_000 && passed >= START, `${passed} bytes of ${at}`);
        else assertEquals(passed, START, "nothing behind a head that is not right");
        joiner.close();
        assertEquals(held(), 0, `${length} in pieces of ${most}`);
      }
    }
  });
}

/** A pipeline from shares to bodies, as an association has it. */
function receiver(count: number) {
  const { readable, writable } = shortShareJoiner(count);
  const bodies: Uint8Array[] = [], writer = writable.getWriter(), lender = new Lender();
  writer.closed.catch(() => {});
  const ended = readable.pipeThrough(recordOpener()).pipeTo(
    new WritableStream<readonly Chunk[]>({ write: (records) => void bodies.push(...records.map(taken)) }),
  ).then(() => null, (error: unknown) => error);
  const give = (shares: readonly Uint8Array[], from = 0, to?: number): Promise<void> =>
    writer.write(shares.map((share) => lender.lend(share.subarray(from, to))));
  return { bodies, writer, lender, ended, give };
}

const BODY = new Random(1).bytes(20_000), COUNT = 3;
const SHARES = sharesOf([BODY], COUNT);

/** Offsets in the shares: of the key, of the fragment, and in its middle. */
const KEY = KEY_LENGTH + RECORD_HEAD_LENGTH, FRAGMENT = KEY + CIPHER_KEY_LENGTH, MIDDLE = FRAGMENT + 2000;

/** Ends of a pipeline in the middle of a body. */
const ENDS: Readonly<Record<string, (pipeline: ReturnType<typeof receiver>) => Promise<unknown>>> = {
  "ends in order": ({ writer }) => writer.close(),
  "fails": ({ writer }) => writer.abort(new Error("a channel")),
};

for (const [how, end] of Object.entries(ENDS)) {
  Deno.test(`a channel that ${how} in the middle of a body costs no buffer`, async () => {
    for (const at of [KEY + 1, FRAGMENT, FRAGMENT + 1, MIDDLE]) {
      const { inUse } = bufferBytes(), pipeline = receiver(COUNT);
      await pipeline.give(SHARES, 0, at);
      await settle();
      assertEquals(bufferBytes().inUse - inUse, at > FRAGMENT ? BODY_BUFFER : 0);
      await end(pipeline);
      await pipeline.ended;
      assertEquals([pipeline.bodies, pipeline.lender.held, bufferBytes().inUse], [[], 0, inUse], `at ${at}`);
    }
  });
}

Deno.test("a record that is refused while the next one's body is held costs no buffer", async () => {
  const bodies = [BODY, BODY], shares = sharesOf(bodies, COUNT), { inUse } = bufferBytes();
  const { give, ended, lender } = receiver(COUNT);
  // A bit of the first body: it is complete together with the head and some of the fragments of the second one.
  shares[1]![MIDDLE]! ^= 1;
  const first = KEY_LENGTH + RECORD_HEAD_LENGTH + CIPHER_KEY_LENGTH + fragmentLength(BODY.length, COUNT);
  await give(shares, 0, MIDDLE + 10);
  await give(shares, MIDDLE + 10, first + RECORD_HEAD_LENGTH + CIPHER_KEY_LENGTH + 50).catch(() => {});
  assertInstanceOf(await ended, RecordError);
  await settle();
  assertEquals(lender.held, 0);
  // The refused body is left to the garbage collector, the one that was held is not.
  assert(bufferBytes().inUse - inUse <= BODY_BUFFER, `${bufferBytes().inUse - inUse}`);
});

Deno.test("message bytes that do not end with a record are not split, and nothing leaves", async () => {
  const whole = concat([...direction([BODY])]);
  for (
    const bytes of [
      whole.subarray(0, -1),
      concat([whole, new Uint8Array(1)]),
      whole.subarray(0, KEY),
      whole.subarray(KEY_LENGTH),
    ]
  ) {
    const { readable, writable } = shortShareSplitter(systemPads, COUNT), writer = writable.getWriter();
    const read = readable.getReader().read();
    read.catch(() => {});
    await assertRejects(() => writer.write(new Chunk(bytes, () => {})), RangeError, "do not end with a record");
    await assertRejects(() => read, RangeError);
    writer.closed.catch(() => {});
  }
});

Deno.test("a joiner that was closed gives nothing more, and holds nothing", () => {
  const { inUse } = bufferBytes(), joiner = new ShortJoiner(COUNT, (chunk) => void taken(chunk));
  joiner.join(SHARES.map((share) => share.slice(0, MIDDLE)));
  joiner.close();
  joiner.close();
  const closed = new ShortJoiner(COUNT, () => {
    throw new Error("something was passed on");
  });
  closed.close();
  closed.join(SHARES.map((share) => share.slice()));
  assertEquals(bufferBytes().inUse, inUse);
});
