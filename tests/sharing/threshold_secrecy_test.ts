/**
 * Perfect secrecy of thresholds, counted: for every byte of a message, over all possible pads, any k-1 shares take every
 * value exactly once. So what k-1 shares show is uniform, and the same for all messages.
 */

import { assert, assertEquals } from "@std/assert";
import { thresholdScheme } from "../../src/sharing/threshold.ts";

/** All sets of k-1 of n indexes. */
function seenBy(k: number, n: number): number[][] {
  const indexes = [...Array(n).keys()];
  return k === 2 ? indexes.map((a) => [a]) : indexes.flatMap((a) => indexes.slice(a + 1).map((b) => [a, b]));
}

/** The shares of a byte under every choice of k-1 pads: those of choice c are the shares' bytes at offset c. */
function underAllPads(k: number, n: number, message: number): Uint8Array[] {
  const length = 256 ** (k - 1), shares = Array.from({ length: n }, () => new Uint8Array(length));
  let digit = 0;
  thresholdScheme(k).split(new Uint8Array(length).fill(message), shares, (into) => {
    for (let choice = 0; choice < length; choice++) into[choice] = choice >> digit;
    digit += 8;
  });
  return shares;
}

/** Counts how often each value of the shares in `seen` occurs. */
function counts(shares: readonly Uint8Array[], seen: readonly number[]): Uint32Array {
  const { length } = shares[0]!, [first, second] = seen.map((index) => shares[index]!);
  const counts = new Uint32Array(length);
  for (let choice = 0; choice < length; choice++) {
    counts[second === undefined ? first![choice]! : first![choice]! << 8 | second[choice]!]!++;
  }
  return counts;
}

for (const [k, n] of [[2, 2], [2, 3], [3, 3], [3, 4]] as const) {
  Deno.test(`any ${k - 1} of ${n} shares are uniform, whatever the message, if ${k} reveal it`, () => {
    assertEquals(seenBy(k, n).length, k === 2 ? n : n * (n - 1) / 2);
    for (let message = 0; message < 256; message++) {
      const shares = underAllPads(k, n, message);
      for (const seen of seenBy(k, n)) {
        // There are as many choices as values, so none occurs twice if each occurs.
        assert(!counts(shares, seen).includes(0), `message ${message}, shares ${seen}`);
      }
    }
  });
}

for (const k of [2, 3]) {
  Deno.test(`${k} shares reveal the message: no value of theirs occurs under two messages`, () => {
    const messages = [0, 1, 77, 255].map((message) => underAllPads(k, k, message));
    const values = messages.map((shares) =>
      new Set(shares[0]!.keys().map((choice) => shares.reduce((value, share) => value << 8 | share[choice]!, 0)))
    );
    for (const [index, value] of values.entries()) {
      for (const other of values.slice(index + 1)) assert(value.isDisjointFrom(other));
    }
  });
}
