/** Short shares against a reference that was written from docs/PROTOCOL.md and RFC 8439 alone: both ways, for any records. */
import { assertEquals } from "@std/assert";
import { chacha20Slowly, joinShortSlowly, splitShortSlowly } from "../../scripts/vectors/dispersal.ts";
import { keySlowly, recordSlowly } from "../../scripts/vectors/sealing.ts";
import { ShortJoiner } from "../../src/short/joiner.ts";
import { ShortSplitter } from "../../src/short/splitter.ts";
import { concat } from "../../src/wire/concat.ts";
import { taken } from "../support/network/chunks.ts";
import { fc } from "../support/random/property.ts";
import { Random } from "../support/random/random.ts";

const K = new Random(1).bytes(16), RHO = new Random(2).bytes(16);

/** A direction's number of channels, and the lengths of its bodies: mostly near the edges. */
const directions = fc.tuple(
  fc.integer({ min: 2, max: 16 }),
  fc.array(
    fc.oneof(
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1015, max: 1060 }),
      fc.integer({ min: 1061, max: 3000 }),
    ),
    { minLength: 1, maxLength: 4 },
  ),
);

/** KEY and records with bodies of these lengths. */
function messageOf(lengths: readonly number[]): Uint8Array {
  const random = new Random(3);
  const records = lengths.map((length, index) => recordSlowly(K, RHO, index + 1, random.bytes(length)));
  return concat([keySlowly(K, RHO), ...records]);
}

Deno.test("the reference has the key stream and ciphertext of RFC 8439, section 2.4.2", () => {
  const key = Uint8Array.from({ length: 32 }, (_, index) => index),
    nonce = Uint8Array.fromHex("000000000000004a00000000");
  const text =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen " +
    "would be it.";
  const encrypted = chacha20Slowly(key, new TextEncoder().encode(text), 1, nonce);
  assertEquals(
    encrypted.toHex(),
    "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62b3571639d624e65152ab" +
      "8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab77937365af90bbf74a35be6b40b8eedf2785e42" +
      "874d",
  );
});

Deno.test("the reference joins what the handlers' code splits", () => {
  fc.assert(
    fc.property(directions, ([channels, lengths]) => {
      const message = messageOf(lengths), splitter = new ShortSplitter(channels, new Random(4).fill);
      const length = splitter.lengthOf(message);
      const shares = Array.from({ length: channels }, () => new Uint8Array(length));
      splitter.split(message, shares);
      assertEquals(joinShortSlowly(shares), message);
    }),
    { numRuns: 60 },
  );
});

Deno.test("the handlers' code joins what the reference splits", () => {
  fc.assert(
    fc.property(directions, fc.nat(), ([channels, lengths], cut) => {
      const message = messageOf(lengths), random = new Random(5), pieces: Uint8Array[] = [];
      const shares = splitShortSlowly(message, channels, (length) => random.bytes(length));
      const joiner = new ShortJoiner(channels, (chunk) => void pieces.push(taken(chunk))), at = cut % shares[0]!.length;
      joiner.join(shares.map((share) => share.slice(0, at)));
      joiner.join(shares.map((share) => share.slice(at)));
      joiner.close();
      assertEquals(concat(pieces), message);
    }),
    { numRuns: 60 },
  );
});
