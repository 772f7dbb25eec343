/**
 * Shares of a direction of records, on n-1 channels, say nothing of it: neither of bodies nor of keys, hashes and tags. For
 * any two directions of one length there is a one-to-one map of pads under which the channels that are seen carry the same.
 */
import { assertEquals, assertNotEquals } from "@std/assert";
import { xor } from "../../src/sharing/xor.ts";
import { forSeeds, type Random } from "../support/random/random.ts";
import { concat } from "../../src/wire/concat.ts";
import { direction } from "./direction.ts";

/** The shares of a message under given pads, one a share but the last. */
function shares(message: Uint8Array, pads: readonly Uint8Array[]): Uint8Array[] {
  const all = Array.from({ length: pads.length + 1 }, () => new Uint8Array(message.length));
  let index = 0;
  xor.split(message, all, (into) => into.set(pads[index++]!));
  return all;
}

/** Two directions with records of the same lengths, whose keys and bodies differ. */
function directions(random: Random): [Uint8Array, Uint8Array] {
  const lengths = Array.from({ length: random.between(1, 4) }, () => random.between(1, 60));
  const one = (seed: number) => concat([...direction(lengths.map((length) => random.bytes(length)), seed)]);
  return [one(random.below(1000)), one(1000 + random.below(1000))];
}

for (let channels = 2; channels <= 5; channels++) {
  Deno.test(`${channels - 1} of ${channels} shares of a direction are as likely those of any other`, async () => {
    await forSeeds(20, (random) => {
      const [message, other] = directions(random);
      const pads = Array.from({ length: channels - 1 }, () => random.bytes(message.length));
      const sent = shares(message, pads);
      for (let hidden = 0; hidden < channels; hidden++) {
        // Only the hidden share's pad changes; if the last share is hidden, none does.
        const difference = message.map((byte, index) => byte ^ other[index]!);
        const others = pads.map((pad, index) =>
          pad.map((byte, at) => index === hidden ? byte ^ difference[at]! : byte)
        );
        const resent = shares(other, others);
        sent.forEach((share, index) => {
          if (index === hidden) assertNotEquals(resent[index], share);
          else assertEquals(resent[index], share);
        });
      }
    });
  });
}
