import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { PadSource } from "../../src/sharing/system_pads.ts";
import { xor } from "../../src/sharing/xor.ts";
import { bytes, fc, record } from "../support/random/property.ts";
import { Random } from "../support/random/random.ts";
import { Guarded } from "./guarded.ts";

/** Lengths around those at which the code may take another path: words, the threshold for views, unrolled loops, pages. */
const LENGTHS = [0, 1, 2, 7, 8, 9, 15, 16, 17, 62, 63, 64, 65, 66, 71, 72, 73, 79, 80, 81, 127, 128, 129, 4095, 4097];

const CHANNELS = Array.from({ length: 15 }, (_, index) => index + 2);

/** The XOR of arrays, byte by byte. */
function xorOf(arrays: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(arrays[0]!, (_, at) => arrays.reduce((sum, array) => sum ^ array[at]!, 0));
}

Deno.test("XOR is scheme 1", () => assertEquals([xor.id, xor.name], [1, "xor"]));

Deno.test("all shares but the last are pads, the last their XOR with the message: all n, lengths, offsets", () => {
  const random = new Random(1);
  for (const channels of CHANNELS) {
    for (const length of LENGTHS) {
      for (let offset = 0; offset < 8; offset++) {
        const at = `${channels} shares of ${length} bytes at ${offset}`;
        const guarded = new Guarded(offset, length);
        const message = guarded.array(random.fill), before = message.slice();
        const shares = guarded.arrays(channels), pads: Uint8Array[] = [];
        xor.split(message, shares, (into) => {
          random.fill(into);
          pads.push(into.slice());
        });
        assertEquals(shares.slice(0, -1).map((share) => share.slice()), pads, at);
        assertEquals(pads.length, channels - 1, at);
        assertEquals(shares.at(-1)!.slice(), xorOf([message, ...pads]), at);
        assertEquals(message.slice(), before, at);
        guarded.assertUntouched(at);
      }
    }
  }
});

Deno.test("join puts the message into the first share and leaves the others unchanged: all n, lengths, offsets", () => {
  const random = new Random(2);
  for (const channels of CHANNELS) {
    for (const length of LENGTHS) {
      for (let offset = 0; offset < 8; offset++) {
        const at = `${channels} shares of ${length} bytes at ${offset}`;
        const guarded = new Guarded(offset, length);
        const shares = guarded.arrays(channels, random.fill), before = shares.map((share) => share.slice());
        xor.join(shares);
        assertEquals(shares[0]!.slice(), xorOf(before), at);
        assertEquals(shares.slice(1).map((share) => share.slice()), before.slice(1), at);
        guarded.assertUntouched(at);
      }
    }
  }
});

Deno.test("shares join in any order, and a slice of them joins to the slice of the message", () => {
  const cases = record({
    message: bytes(0, 400),
    order: fc.integer({ min: 2, max: 16 }).chain((channels) =>
      fc.shuffledSubarray([...Array(channels).keys()], { minLength: channels })
    ),
    offset: fc.nat(7),
    bounds: fc.tuple(fc.nat(400), fc.nat(400)),
    seed: fc.nat(),
  });
  fc.assert(fc.property(cases, ({ message, order, offset, bounds, seed }) => {
    const guarded = new Guarded(offset, message.length), pads = new Random(seed).fill;
    const shares = guarded.arrays(order.length);
    xor.split(guarded.array((into) => into.set(message)), shares, pads);
    const [start, end] = bounds.map((at) => Math.min(at, message.length)).sort((a, b) => a - b);
    const cut = order.map((index) => shares[index]!.subarray(start, end));
    xor.join(cut);
    assertEquals(cut[0]!.slice(), message.slice(start, end));
    guarded.assertUntouched(`${order.length} shares of ${message.length} bytes at ${offset}`);
  }));
});

Deno.test("adjacent shares in one buffer do not affect each other", () => {
  const random = new Random(3), buffer = new Uint8Array(5 * 96);
  const [message, ...shares] = Array.from({ length: 5 }, (_, i) => buffer.subarray(i * 96 + 3, i * 96 + 3 + 80));
  random.fill(message!);
  const before = message!.slice();
  xor.split(message!, shares, random.fill);
  xor.join(shares);
  assertEquals(shares[0]!.slice(), before);
  assertEquals(message!.slice(), before);
});

Deno.test("each split draws fresh pads: two splits of one message share nothing", () => {
  const random = new Random(4), message = new Uint8Array(100);
  const split = (): string[] => {
    const shares = Array.from({ length: 5 }, () => new Uint8Array(100));
    xor.split(message, shares, random.fill);
    return shares.map((share) => share.toHex());
  };
  assertEquals(new Set([...split(), ...split()]).size, 10);
});

Deno.test("a split rethrows an error of its pad source, at any pad, without making the last share", () => {
  for (const channels of CHANNELS) {
    for (let fails = 0; fails < channels - 1; fails++) {
      const lost = new Error("no randomness"), random = new Random(5);
      const message = random.bytes(80), shares = Array.from({ length: channels }, () => new Uint8Array(80));
      let calls = 0;
      const pads: PadSource = (into) => {
        if (calls++ === fails) throw lost;
        random.fill(into);
      };
      assertStrictEquals(assertThrows(() => xor.split(message, shares, pads)), lost);
      assertEquals(calls, fails + 1);
      assertEquals(shares.at(-1), new Uint8Array(80));
    }
  }
});

Deno.test("arrays of different lengths are refused before a pad is drawn: a short pad would expose the message", () => {
  const pads: PadSource = () => {
    throw new Error("a pad was taken");
  };
  for (const channels of [2, 3, 5]) {
    for (let odd = 0; odd < channels; odd++) {
      for (const length of [0, 79, 81]) {
        const shares = Array.from({ length: channels }, (_, index) => new Uint8Array(index === odd ? length : 80));
        assertThrows(() => xor.split(new Uint8Array(80), shares, pads), RangeError, "different lengths");
        assertThrows(() => xor.join(shares), RangeError, "different lengths");
      }
    }
  }
});

Deno.test("arrays at different offsets within a word are refused, never processed wrongly", () => {
  const random = new Random(6), pads = random.fill;
  for (const channels of [2, 3, 4]) {
    for (let odd = 0; odd <= channels; odd++) {
      const array = (index: number): Uint8Array => {
        const offset = index === odd ? 3 : 1;
        return random.bytes(200).subarray(offset, offset + 128);
      };
      const arrays = Array.from({ length: channels + 1 }, (_, index) => array(index));
      assertThrows(() => xor.split(arrays[channels]!, arrays.slice(0, channels), pads), RangeError);
    }
  }
});
