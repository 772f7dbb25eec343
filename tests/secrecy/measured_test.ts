/**
 * Statistics of a real session's channels: n-1 of them look like noise, alone, in sum and concatenated, and agree with the
 * message no more often than noise does.
 */
import { assert, assertEquals, assertLess } from "@std/assert";
import { aesPads } from "../../src/sharing/aes_pads.ts";
import { type PadSource, systemPads } from "../../src/sharing/system_pads.ts";
import { readAll, sendAll } from "../support/handlers/pair.ts";
import { concat } from "../../src/wire/concat.ts";
import { finishPair, startSession } from "../support/handlers/session_pair.ts";
import { joinedShort } from "../adversary/evidence.ts";
import { allButOne, sum, type Watched, watchedPair } from "./watched.ts";

/** Length of each message in each direction, in bytes. */
const LENGTH = 100_000;

/** Limit in standard deviations, exceeded by chance once in 10^22 times. */
const TOO_FAR = 10;

const TEXT = new TextEncoder().encode("It was a bright cold day in April, and the clocks were striking thirteen. ");

/** Messages with conspicuous statistics. */
const SAID: Readonly<Record<string, Uint8Array>> = {
  "zeros": new Uint8Array(LENGTH),
  "text": Uint8Array.from({ length: LENGTH }, (_, index) => TEXT[index % TEXT.length]!),
};

const SOURCES: Readonly<Record<string, PadSource | null>> = {
  "the runtime's": systemPads,
  "OpenSSL's": aesPads(systemPads),
};

/** Deviation of the byte counts from uniform, in standard deviations of chi-square with 255 degrees of freedom. */
function unevenness(bytes: Uint8Array): number {
  const counts = new Float64Array(256), even = bytes.length / 256;
  for (const byte of bytes) counts[byte]!++;
  const chiSquare = counts.reduce((before, count) => before + (count - even) ** 2 / even, 0);
  return Math.abs(chiSquare - 255) / Math.sqrt(2 * 255);
}

/** Serial correlation of bytes at distance `lag`, in standard deviations. */
function serialCorrelation(bytes: Uint8Array, lag: number): number {
  const count = bytes.length - lag, mean = 127.5, variance = (256 ** 2 - 1) / 12;
  let covariance = 0;
  for (let i = 0; i < count; i++) covariance += (bytes[i]! - mean) * (bytes[i + lag]! - mean);
  return Math.abs(covariance / count / variance) * Math.sqrt(count);
}

/** Deviation of the number of bytes equal to the message's from chance, in standard deviations. */
function agreement(bytes: Uint8Array, message: Uint8Array): number {
  let same = 0;
  for (let i = 0; i < bytes.length; i++) same += bytes[i] === message[i] ? 1 : 0;
  const expected = bytes.length / 256;
  return Math.abs(same - expected) / Math.sqrt(expected * 255 / 256);
}

/** Asserts that some channels' shares look like noise. */
function assertNoise(shares: readonly Uint8Array[], message: Uint8Array, what: string): void {
  const inSum = sum(shares), behind = concat(shares);
  for (const [how, bytes] of [["sum", inSum], ["concatenation", behind]] as const) {
    assertLess(unevenness(bytes), TOO_FAR, `${what}, ${how}: bytes are uneven`);
    for (const lag of [1, 2, 8, TEXT.length]) {
      assertLess(serialCorrelation(bytes, lag), TOO_FAR, `${what}, ${how}: bytes ${lag} apart depend on each other`);
    }
  }
  for (const bytes of [inSum, ...shares]) assertLess(agreement(bytes, message), TOO_FAR, `${what}: like the message`);
}

/** Runs a session in which both sides send the same. */
async function talk(pair: Watched, said: Uint8Array): Promise<void> {
  const session = await startSession(pair);
  const [, , up, down] = await Promise.all([
    sendAll(session.application, said),
    sendAll(session.target, said),
    readAll(session.target),
    readAll(session.application),
  ]);
  assertEquals([up.length, down.length], [said.length, said.length]);
  assertEquals([await session.client, await session.server], [null, null]);
  session.application.close();
  session.target.close();
}

for (const [source, pads] of Object.entries(SOURCES)) {
  const ignore = pads === null;
  for (let channels = 2; channels <= 5; channels++) {
    for (const [kind, said] of Object.entries(SAID)) {
      Deno.test({
        name: `any ${channels - 1} of ${channels} channels that carry ${kind} are noise, with ${source} pads` +
          (ignore ? " (ignored: needs OpenSSL)" : ""),
        ignore,
        async fn() {
          const pair = await watchedPair(channels, { up: pads!, down: pads! });
          await talk(pair, said);
          await finishPair(pair);
          for (const direction of ["up", "down"] as const) {
            const shares = pair.shares(direction), message = sum(shares);
            assert(message.length > LENGTH);
            for (const seen of allButOne(channels)) {
              const what = `${direction}, channels ${seen.map((index) => index + 1).join()}`;
              assertNoise(seen.map((index) => shares[index]!), message, what);
            }
            // All channels together carry the message itself, which the measures must detect.
            assert(unevenness(message) > TOO_FAR && serialCorrelation(message, TEXT.length) > TOO_FAR);
            assert(agreement(message, message) > TOO_FAR);
          }
        },
      });
    }
  }
}

for (const channels of [2, 3]) {
  for (const [kind, said] of Object.entries(SAID)) {
    Deno.test(`any ${channels - 1} of ${channels} channels that carry ${kind} in short shares are noise`, async () => {
      const pair = await watchedPair(channels, { up: systemPads, down: systemPads }, true);
      await talk(pair, said);
      await finishPair(pair);
      for (const direction of ["up", "down"] as const) {
        const shares = pair.shares(direction), message = joinedShort(shares, 0);
        assert(message.length > LENGTH && shares[0]!.length < 0.6 * LENGTH);
        for (const seen of allButOne(channels)) {
          const what = `${direction}, channels ${seen.map((index) => index + 1).join()}`;
          const seenShares = seen.map((index) => shares[index]!);
          assertNoise(seenShares, message, what);

          assertLess(agreement(concat(seenShares), said), TOO_FAR, what);
        }
        assert(unevenness(message) > TOO_FAR && agreement(message, message) > TOO_FAR);
      }
    });
  }
}
