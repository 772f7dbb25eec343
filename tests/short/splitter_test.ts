import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { wasmChacha20 } from "../../src/sharing/stream_cipher.ts";
import { ShortSplitter } from "../../src/short/splitter.ts";
import { concat } from "../../src/wire/concat.ts";
import { fc } from "../support/random/property.ts";
import { Random } from "../support/random/random.ts";
import { bodyShare, joinSlowly, type Message, messageOf, messages } from "./records.ts";

/** Splits a message chunk by chunk. @param phase Offset of the shares in their buffers. @returns Each chunk's shares. */
function split({ count, chunks }: Message, splitter: ShortSplitter, phase = 0): Uint8Array[][] {
  return chunks.map((chunk) => {
    const before = chunk.slice(), length = splitter.lengthOf(chunk);
    const buffers = Array.from({ length: count }, () => new Uint8Array(phase + length + 16).fill(0xa5));
    const shares = buffers.map((buffer) => buffer.subarray(phase, phase + length));
    splitter.split(chunk, shares);
    assertEquals(chunk, before);
    for (const buffer of buffers) {
      assert(buffer.subarray(0, phase).every((byte) => byte === 0xa5), "bytes in front of a share");
      assert(buffer.subarray(phase + length).every((byte) => byte === 0xa5), "bytes behind a share");
    }
    return shares;
  });
}

/** The whole share of each channel. */
function whole(shares: readonly (readonly Uint8Array[])[]): Uint8Array[] {
  return shares[0]!.map((_, index) => concat(shares.map((of) => of[index]!)));
}

/** Bytes that are drawn for a key, in an array of their own. */
const KEY_DRAW = 48;

Deno.test("shares are those of the protocol: any records, numbers of channels, chunks, offsets", () => {
  fc.assert(
    fc.property(messages(), fc.nat(7), fc.nat(), (message, phase, seed) => {
      const splitter = new ShortSplitter(message.count, new Random(seed).fill);
      const shares = whole(split(message, splitter, phase)), joined = joinSlowly(shares);
      assertEquals(joined.message, concat(message.chunks));
      assert(joined.padding.every((byte) => byte === 0));
      const length = message.lengths.reduce((sum, length) => sum + 35 + bodyShare(length, message.count), 48);
      assertEquals(shares.map((share) => share.length), Array(message.count).fill(length));
    }),
    { numRuns: 60 },
  );
});

Deno.test("what is shared byte by byte is pads on every channel but the last; each pad, and each body's key, is drawn once", () => {
  fc.assert(
    fc.property(messages(3000), (message) => {
      const drawn: string[] = [], random = new Random(1);
      const splitter = new ShortSplitter(message.count, (into) => {
        random.fill(into);
        // Behind a key, bytes are drawn to be thrown away.
        drawn.push((into.buffer.byteLength === KEY_DRAW ? into.subarray(0, 32) : into).toHex());
      });
      const { count, lengths } = message, one = { ...message, chunks: [concat(message.chunks)] };
      const shares = whole(split(one, splitter)), used = joinSlowly(shares).keys.map((key) => key.toHex());
      /** Notes the pads of a part of the channels' bytes. */
      const note = (from: number, to: number): void => {
        if (to > from) used.push(...shares.slice(0, -1).map((share) => share.subarray(from, to).toHex()));
      };
      let from = 0, at = 48;
      for (const length of lengths) {
        at += 35;
        if (length > 1024) {
          note(from, at + 32);
          from = at + bodyShare(length, count);
        }
        at += bodyShare(length, count);
      }
      note(from, at);
      assertEquals(drawn.toSorted(), used.toSorted());
    }),
    { numRuns: 120 },
  );
});

Deno.test("two splits of one message share nothing but lengths", () => {
  const message = messageOf(4, [2000, 2000]), random = new Random(2);
  const shares = [1, 2].flatMap(() => whole(split(message, new ShortSplitter(4, random.fill))));
  const { keys } = joinSlowly(shares.slice(0, 4));
  assert(!keys[0]!.every((byte, at) => byte === keys[1]![at]), "one key for two bodies");
  for (let at = 0; at + 8 <= shares[0]!.length; at += 8) {
    assertEquals(new Set(shares.map((share) => share.subarray(at, at + 8).toHex())).size, 8);
  }
});

Deno.test("a message that does not end with a record is refused: cut at any byte, with KEY or behind it", () => {
  const { chunks: [message] } = messageOf(3, [7, 1100, 1024]), ends = [48, 48 + 42, 48 + 42 + 1135, message!.length];
  for (const from of [0, 48]) {
    const splitter = new ShortSplitter(3, new Random(1).fill);
    if (from > 0) splitter.split(message!.subarray(0, from), [1, 2, 3].map(() => new Uint8Array(from)));
    for (let end = from; end <= message!.length; end++) {
      const part = message!.subarray(from, end);
      if (ends.includes(end)) splitter.lengthOf(part);
      else assertThrows(() => splitter.lengthOf(part), RangeError, "do not end with a record");
    }
  }
});

Deno.test("lengthOf changes nothing: asked twice, it says the same, and split takes the same bytes", () => {
  const message = messageOf(2, [1500, 3], [true]), splitter = new ShortSplitter(2, new Random(3).fill);
  for (let time = 0; time < 3; time++) assertEquals(splitter.lengthOf(message.chunks[0]!), 48);
  assertEquals(joinSlowly(whole(split(message, splitter))).message, concat(message.chunks));
});

Deno.test("an error of the pad source is thrown on, at whichever pad or key, and no body is encrypted after it", () => {
  const message = messageOf(3, [5, 2000, 2000, 5]), [chunk] = message.chunks;
  // Two pads and a key for each large body, and two pads for the end.
  for (let fails = 0; fails < 8; fails++) {
    const random = new Random(4), lost = new Error("no randomness");
    let calls = 0, encrypted = 0;
    const splitter = new ShortSplitter(3, (into) => {
      if (calls++ === fails) throw lost;
      random.fill(into);
    }, (...message) => {
      encrypted++;
      wasmChacha20(...message);
    });
    const shares = [1, 2, 3].map(() => new Uint8Array(splitter.lengthOf(chunk!)));
    assertStrictEquals(assertThrows(() => splitter.split(chunk!, shares)), lost);
    assertEquals([calls, encrypted], [fails + 1, Math.floor(fails / 3)]);
  }
});

Deno.test("a body's key is wiped behind it, and is another for the next", () => {
  const message = messageOf(2, [2000, 10, 1025, 65_536]), used: string[] = [], seen = new Set<Uint8Array>();
  const splitter = new ShortSplitter(2, new Random(5).fill, (key, from, into) => {
    used.push(key.toHex());
    seen.add(key);
    wasmChacha20(key, from, into);
  });
  const { keys } = joinSlowly(whole(split(message, splitter)));
  assertEquals(used, keys.map((key) => key.toHex()));
  assertEquals(new Set(used).size, 3);
  for (const key of seen) assertEquals(key, new Uint8Array(32));
});
