/** Lengths that no tag has verified are not used: work that depended on them would show in the time until an abort. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { KEY_LENGTH, RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { RecordError } from "../../src/records/record_decoder.ts";
import { CIPHER_KEY_LENGTH, wasmChacha20 } from "../../src/sharing/stream_cipher.ts";
import { ShortJoiner } from "../../src/short/joiner.ts";
import { ShortSplitter } from "../../src/short/splitter.ts";
import { concat } from "../../src/wire/concat.ts";
import { direction, receive } from "../records/direction.ts";
import { taken } from "../support/network/chunks.ts";
import { Random } from "../support/random/random.ts";

const SMALL = 200, LARGE = 4000;

/** Two short shares of KEY and a record of each length. */
function sharesOf(...lengths: number[]): Uint8Array[] {
  const message = concat(direction(lengths.map((length) => new Uint8Array(length).fill(7))));
  const splitter = new ShortSplitter(2, new Random(2).fill), length = splitter.lengthOf(message);
  const shares = [new Uint8Array(length), new Uint8Array(length)];
  splitter.split(message, shares);
  return shares;
}

/** Joins shares in one call. @returns The message bytes, and how many bodies were decrypted. */
function join(shares: readonly Uint8Array[]): { message: Uint8Array; decrypted: number } {
  const pieces: Uint8Array[] = [];
  let decrypted = 0;
  const joiner = new ShortJoiner(2, (chunk) => void pieces.push(taken(chunk)), (key, from, into) => {
    decrypted++;
    wasmChacha20(key, from, into);
  });
  joiner.join(shares.map((share) => share.slice()));
  joiner.close();
  return { message: concat(pieces), decrypted };
}

Deno.test("nothing is joined behind a head that is wrong, though all of it is there", () => {
  const shares = sharesOf(SMALL, LARGE, LARGE), headEnd = KEY_LENGTH + RECORD_HEAD_LENGTH;
  assertEquals(join(shares).decrypted, 2);
  for (let at = KEY_LENGTH; at < headEnd; at++) {
    const changed = shares.map((share) => share.slice());
    changed[0]![at]! ^= 1;
    const { message, decrypted } = join(changed);
    assertEquals([message.length, decrypted], [headEnd, 0], `byte ${at}`);
    assertInstanceOf(receive([message]).error, RecordError);
  }
});

Deno.test("nothing is joined behind a KEY that is wrong", () => {
  for (let at = 0; at < KEY_LENGTH; at++) {
    const shares = sharesOf(SMALL, LARGE);
    shares[1]![at]! ^= 0x80;
    const { message, decrypted } = join(shares);
    assertEquals([message.length, decrypted], [KEY_LENGTH, 0], `byte ${at}`);
    assertInstanceOf(receive([message]).error, RecordError);
  }
});

Deno.test("a body's key is left in no buffer that shares came in", () => {
  const shares = sharesOf(LARGE), from = KEY_LENGTH + RECORD_HEAD_LENGTH;
  const joiner = new ShortJoiner(2, (chunk) => chunk.release());
  joiner.join(shares);
  const left = shares[0]!.subarray(from, from + CIPHER_KEY_LENGTH);
  assert(left.every((byte) => byte === 0));
});
