import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { bufferBytes, LARGEST_CAPACITY } from "../../src/net/buffer_pool.ts";
import type { Chunk } from "../../src/net/chunk.ts";
import { wasmChacha20 } from "../../src/sharing/stream_cipher.ts";
import { ShortJoiner } from "../../src/short/joiner.ts";
import { ShortSplitter } from "../../src/short/splitter.ts";
import { concat } from "../../src/wire/concat.ts";
import { taken } from "../support/network/chunks.ts";
import { fc } from "../support/random/property.ts";
import { Random } from "../support/random/random.ts";
import { knownAt, type Message, messageOf, messages } from "./records.ts";

/** A message's shares, one for each channel. */
function sharesOf({ count, chunks }: Message): Uint8Array[] {
  const splitter = new ShortSplitter(count, new Random(1).fill), whole = concat(chunks);
  const shares = Array.from({ length: count }, () => new Uint8Array(splitter.lengthOf(whole)));
  splitter.split(whole, shares);
  return shares;
}

/** A piece of each share, at an offset in a buffer of its own: what a joiner overwrites is used for nothing else. */
function pieceOf(shares: readonly Uint8Array[], from: number, to: number, phase = 0): Uint8Array[] {
  return shares.map((share) => {
    const piece = new Uint8Array(phase + to - from).subarray(phase);
    piece.set(share.subarray(from, to));
    return piece;
  });
}

/** Gives a joiner shares in pieces. @param cuts Offsets in ascending order. @param each Called behind each piece. */
function joinCut(
  joiner: ShortJoiner,
  shares: readonly Uint8Array[],
  cuts: readonly number[],
  each: (place: number) => void = () => {},
): void {
  const { length } = shares[0]!;
  let at = 0;
  for (const cut of [...cuts, length]) {
    joiner.join(pieceOf(shares, at, cut, at % 8));
    each(at = cut);
  }
}

/** Ascending cuts of a message's shares: many of them anywhere, or pieces of a channel's segments. */
const cuts = fc.oneof(
  fc.array(fc.nat(), { maxLength: 30 }),
  fc.integer({ min: 1, max: 3 }).map((times) => Array.from({ length: 40 }, (_, index) => times * 16_384 * index)),
);

Deno.test("shares cut anywhere join to the message, each byte as soon as it is known, in buffers that are given back", () => {
  fc.assert(
    fc.property(messages(), cuts, fc.boolean(), (message, places, late) => {
      const shares = sharesOf(message), { inUse } = bufferBytes(), { length } = shares[0]!;
      const chunks: Chunk[] = [], pieces: Uint8Array[] = [];
      let given = 0;
      const joiner = new ShortJoiner(message.count, (chunk) => {
        assert(chunk.bytes.length > 0);
        given += chunk.bytes.length;
        pieces.push(late ? chunk.bytes : taken(chunk));
        if (late) chunks.push(chunk);
      });
      joinCut(joiner, shares, places.map((place) => place % (length + 1)).sort((a, b) => a - b), (place) => {
        assertEquals(given, knownAt(message, place), `behind byte ${place} of ${length}`);
      });
      assert(concat(pieces).toHex() === concat(message.chunks).toHex(), "another message");
      joiner.close();
      for (const chunk of chunks) chunk.release();
      assertEquals(bufferBytes().inUse, inUse);
    }),
    { numRuns: 120 },
  );
});

Deno.test("shares join at every single cut, and byte by byte, with an offset in the buffer that changes", () => {
  const message = messageOf(3, [2, 1025, 1026, 1024, 1]), shares = sharesOf(message), { length } = shares[0]!;
  const whole = concat(message.chunks);
  const everyByte = Array.from({ length }, (_, at) => at);
  for (const cuts of [...everyByte.map((at) => [at]), everyByte]) {
    const pieces: Uint8Array[] = [];
    joinCut(new ShortJoiner(3, (chunk) => pieces.push(taken(chunk))), shares, cuts);
    assertEquals(concat(pieces), whole);
  }
});

Deno.test("a record's head is given before a byte of its body has come, and a short body as it comes", () => {
  for (const [length, behind] of [[5000, 0], [700, 20]] as const) {
    const message = messageOf(2, [length]), shares = sharesOf(message), pieces: Uint8Array[] = [];
    const joiner = new ShortJoiner(2, (chunk) => pieces.push(taken(chunk)));
    joiner.join(pieceOf(shares, 0, 48 + 35));
    assertEquals(concat(pieces), concat(message.chunks).subarray(0, 48 + 35));
    joiner.join(pieceOf(shares, 48 + 35, 48 + 35 + 20));
    assertEquals(concat(pieces).length, 48 + 35 + behind);
    joiner.close();
  }
});

Deno.test("only the first share's memory is written to", () => {
  const message = messageOf(4, [3, 2000, 1025, 9]), shares = sharesOf(message), { length } = shares[0]!;
  for (const cut of [0, 48 + 38 + 35 + 32 + 100, length]) {
    const joiner = new ShortJoiner(4, (chunk) => chunk.release());
    for (const [from, to] of [[0, cut], [cut, length]] as const) {
      const pieces = pieceOf(shares, from, to);
      joiner.join(pieces);
      assertEquals(pieces.slice(1), pieceOf(shares, from, to).slice(1));
    }
  }
});

Deno.test("bytes behind a body's end are ignored; a key's share that is changed changes its own body only", () => {
  const message = messageOf(4, [1025, 1030, 2000]), whole = concat(message.chunks);
  const join = (shares: readonly Uint8Array[]): Uint8Array => {
    const pieces: Uint8Array[] = [];
    joinCut(new ShortJoiner(4, (chunk) => pieces.push(taken(chunk))), shares, []);
    return concat(pieces);
  };
  // The first fragment is of 257 bytes on each of four channels: three behind the body's end.
  const end = 48 + 35 + 32 + 257;
  for (const at of [end - 3, end - 2, end - 1]) {
    const shares = sharesOf(message);
    shares[3]![at]! ^= 0xff;
    assertEquals(join(shares), whole);
  }
  const shares = sharesOf(message), first = 48 + 35, second = first + 1025 + 35;
  shares[2]![end + 35]! ^= 1;
  const joined = join(shares);
  assertEquals(joined.subarray(0, second), whole.subarray(0, second));
  assertEquals(joined.subarray(second + 1030), whole.subarray(second + 1030));
  assert(joined.subarray(second, second + 1030).toHex() !== whole.subarray(second, second + 1030).toHex());
});

Deno.test("a body's key is wiped once it is decrypted, or has no use any more", () => {
  const message = messageOf(2, [1500, 10, 1025]), shares = sharesOf(message), { length } = shares[0]!;
  for (const cuts of [[], [48 + 35 + 10, 48 + 35 + 32 + 1, length - 1]]) {
    const used: string[] = [], seen = new Set<Uint8Array>();
    const joiner = new ShortJoiner(2, (chunk) => chunk.release(), (key, from, into) => {
      used.push(key.toHex());
      seen.add(key);
      wasmChacha20(key, from, into);
    });
    joinCut(joiner, shares, cuts);
    assertEquals(new Set(used).size, 2);
    for (const key of seen) assertEquals(key, new Uint8Array(32));
  }
});

Deno.test("half a body that came is given back by close(), once, and nothing is given behind it", () => {
  const message = messageOf(3, [65_536]), shares = sharesOf(message), { inUse } = bufferBytes();
  let given = 0;
  const joiner = new ShortJoiner(3, (chunk) => given += taken(chunk).length);
  joiner.join(pieceOf(shares, 0, 20_000));
  assertEquals([given, bufferBytes().inUse > inUse], [48 + 35, true]);
  joiner.close();
  joiner.close();
  assertEquals(bufferBytes().inUse, inUse);
  joiner.join(pieceOf(shares, 20_000, shares[0]!.length));
  assertEquals([given, bufferBytes().inUse], [48 + 35, inUse]);
});

Deno.test("a call holds one buffer of message bytes and one body at most, however much comes at once", () => {
  const lengths = Array.from({ length: 40 }, () => 65_536), message = messageOf(16, lengths);
  const shares = sharesOf(message), before = bufferBytes().inUse;
  let most = 0, given = 0;
  const joiner = new ShortJoiner(16, (chunk) => {
    most = Math.max(most, bufferBytes().inUse - before);
    given += chunk.bytes.length;
    chunk.release();
  });
  joinCut(joiner, shares, [1000, 150_000]);
  assertEquals(given, 48 + 40 * (35 + 65_536));
  assertLessOrEqual(most, LARGEST_CAPACITY + 70_000);
});
