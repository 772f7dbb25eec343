/**
 * Perfect secrecy, counted rather than estimated: over all possible pads, any n-1 shares take every value equally often,
 * whatever the message is (paper, section III-E).
 */

import { assertEquals, assertNotEquals } from "@std/assert";
import type { PadSource } from "../../src/sharing/system_pads.ts";
import { xor } from "../../src/sharing/xor.ts";

/** A source of constant pads: the digits of `number`, `bits` bits each. */
function digits(number: number, bits: number): PadSource {
  return (into) => {
    into.fill(number & (1 << bits) - 1);
    number >>= bits;
  };
}

/** Counts each value of the shares in `seen`, over all pads, for `message` repeated `length` times. */
function distribution(
  message: number,
  channels: number,
  bits: number,
  length: number,
  seen: number[],
): Map<string, number> {
  const counts = new Map<string, number>();
  // All at the same offset within a word, but not at its start.
  const array = (): Uint8Array => new Uint8Array(length + 3).subarray(3);
  const bytes = array().fill(message), shares = Array.from({ length: channels }, array);
  for (let pads = 0; pads < 1 << bits * (channels - 1); pads++) {
    xor.split(bytes, shares, digits(pads, bits));
    const value = seen.map((index) => shares[index]!.toHex()).join(" ");
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return new Map([...counts].sort(([a], [b]) => a < b ? -1 : 1));
}

for (
  const { channels, bits, length } of [
    { channels: 2, bits: 8, length: 1 },
    { channels: 2, bits: 3, length: 80 },
    { channels: 3, bits: 4, length: 1 },
    { channels: 3, bits: 2, length: 80 },
    { channels: 4, bits: 2, length: 1 },
    { channels: 5, bits: 1, length: 80 },
  ]
) {
  const messages = Array.from({ length: 1 << bits }, (_, message) => message);
  const indexes = Array.from({ length: channels }, (_, index) => index);
  const what = `messages of ${bits} bits, ${length === 1 ? "a byte" : "in words"}`;

  Deno.test(`any ${channels - 1} of ${channels} shares are uniform and independent of ${what}`, () => {
    for (const left of indexes) {
      const seen = indexes.filter((index) => index !== left);
      const first = distribution(0, channels, bits, length, seen);
      assertEquals(first.size, 1 << bits * (channels - 1), `without share ${left}`);
      assertEquals(new Set(first.values()), new Set([1]), `without share ${left}`);
      for (const message of messages) {
        assertEquals(distribution(message, channels, bits, length, seen), first, `${message} without share ${left}`);
      }
    }
  });

  Deno.test(`all ${channels} shares reveal ${what}`, () => {
    for (const message of messages.slice(1)) {
      const all = distribution(message, channels, bits, length, indexes);
      assertNotEquals(all, distribution(0, channels, bits, length, indexes), `${message}`);
    }
  });
}
