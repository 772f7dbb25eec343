/** The groups short and shortChanged of docs/vectors.json, which scripts/vectors computes without the code of src. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import vectors from "../../docs/vectors.json" with { type: "json" };
import { counted } from "../../scripts/vectors/vector.ts";
import { KEY_LENGTH, RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { RecordError } from "../../src/records/record_decoder.ts";
import { RecordEncoder } from "../../src/records/record_encoder.ts";
import { CIPHER_KEY_LENGTH } from "../../src/sharing/stream_cipher.ts";
import { ShortJoiner } from "../../src/short/joiner.ts";
import { ShortSplitter } from "../../src/short/splitter.ts";
import { concat } from "../../src/wire/concat.ts";
import { receive, type Received, sealed } from "../records/direction.ts";
import { taken } from "../support/network/chunks.ts";
import { splitShortSlowly } from "../../scripts/vectors/dispersal.ts";

type Vector = typeof vectors.short[number];

/** KEY and the records, sealed by the handlers' code. */
function piecesOf({ k, rho, key, records }: Vector): Uint8Array[] {
  const encoder = new RecordEncoder((into) => into.set(Uint8Array.fromHex(k + rho)));
  assertEquals(encoder.key().toHex(), key);
  return [Uint8Array.fromHex(key), ...records.map(({ first, length }) => sealed(encoder, counted(length, first)))];
}

/** The shares of a vector; those of which it has only the SHA-256 are computed, and compared with that. */
async function sharesOf(vector: Vector): Promise<Uint8Array[]> {
  if (vector.shares !== undefined) return vector.shares.map((share) => Uint8Array.fromHex(share));
  let drawn = 0;
  const shares = splitShortSlowly(concat(piecesOf(vector)), vector.channels, (length) => {
    drawn += length;
    return counted(length, drawn - length);
  });
  const hashes = await Promise.all(shares.map((share) => crypto.subtle.digest("SHA-256", share)));
  assertEquals(hashes.map((hash) => new Uint8Array(hash).toHex()), vector.sha256);
  return shares;
}

/** The parts of each channel's bytes that are fragments. */
function fragmentsOf({ channels, records }: Vector): { from: number; to: number }[] {
  const fragments: { from: number; to: number }[] = [];
  let at = KEY_LENGTH;
  for (const { length } of records) {
    at += RECORD_HEAD_LENGTH;
    if (length > 1024) {
      const from = at + CIPHER_KEY_LENGTH, to = from + Math.ceil(length / channels);
      fragments.push({ from, to });
      at = to;
    } else at += length;
  }
  return fragments;
}

/** Joins shares that come in pieces with these ends. */
function join(shares: readonly Uint8Array[], ends: readonly number[] = []): Uint8Array[] {
  const pieces: Uint8Array[] = [], joiner = new ShortJoiner(shares.length, (chunk) => void pieces.push(taken(chunk)));
  let at = 0;
  for (const end of [...ends, shares[0]!.length]) {
    joiner.join(shares.map((share) => share.slice(at, end)));
    at = end;
  }
  joiner.close();
  return pieces;
}

for (const vector of vectors.short) {
  Deno.test(`short vector: ${vector.name}: the message and what is drawn give the shares`, async () => {
    const expected = await sharesOf(vector), { channels, records } = vector, pieces = piecesOf(vector);
    pieces.slice(1).forEach((record, index) => {
      assertEquals(record.subarray(0, RECORD_HEAD_LENGTH).toHex(), records[index]!.head);
    });
    const keys = records.flatMap(({ cipherKey }) => cipherKey === undefined ? [] : [Uint8Array.fromHex(cipherKey)]);
    const fragments = fragmentsOf(vector);
    assertEquals(keys.length, fragments.length);
    assert(new Set(keys.map((key) => key.toHex())).size === keys.length);
    for (const cuts of [[0, pieces.length], pieces.map((_, index) => index === 0 ? 0 : index + 1)]) {
      const given = keys.slice();
      let shares: Uint8Array[] = [], done = 0, pads = 0;
      // Whatever the order in which it draws, a pad goes to its channel's place; what goes elsewhere is a key.
      const splitter = new ShortSplitter(channels, (into) => {
        const index = shares.findIndex(({ buffer }) => buffer === into.buffer);
        // Behind a key, bytes are drawn to be thrown away.
        if (index < 0) return into.fill(1).set(given.shift()!);
        const from = done + into.byteOffset, to = from + into.length;
        assert(index < channels - 1 && fragments.every((fragment) => to <= fragment.from || from >= fragment.to));
        into.set(expected[index]!.subarray(from, to));
        pads += into.length;
      });
      for (const [index, start] of cuts.slice(0, -1).entries()) {
        const message = concat(pieces.slice(start, cuts[index + 1])), length = splitter.lengthOf(message);
        shares = Array.from({ length: channels }, () => new Uint8Array(length));
        splitter.split(message, shares);
        shares.forEach((share, channel) => assertEquals(share, expected[channel]!.subarray(done, done + length)));
        done += length;
      }
      assertEquals([done, given.length], [expected[0]!.length, 0]);
      const dispersed = fragments.reduce((sum, { from, to }) => sum + to - from, 0);
      assertEquals(pads, (channels - 1) * (done - dispersed));
    }
  });

  Deno.test(`short vector: ${vector.name}: the shares give the message, in any pieces`, async () => {
    const shares = await sharesOf(vector), message = concat(piecesOf(vector)), { length } = shares[0]!;
    assert(shares.every((share) => share.length === length));
    const bodies = vector.records.map(({ first, length }) => counted(length, first));
    const step = Math.ceil(length / 300),
      each = Array.from({ length: Math.floor(length / step) }, (_, i) => (i + 1) * step);
    for (const ends of [[], each, ...each.map((end) => [end])].map((ends) => ends.filter((end) => end < length))) {
      const pieces = join(shares, ends);
      assertEquals(concat(pieces), message);
      if (ends.length !== 1) assertEquals(receive(pieces), { bodies, error: undefined, atBoundary: true });
    }
  });
}

for (const { name, of, changes, taken, ...rest } of vectors.shortChanged) {
  Deno.test(`changed short vector: ${name}`, async () => {
    const vector = vectors.short.find((vector) => vector.name === of)!, shares = await sharesOf(vector);
    for (const { channel, at, xor } of changes) {
      Uint8Array.fromHex(xor).forEach((byte, index) => shares[channel - 1]![at + index]! ^= byte);
    }
    const bodies = vector.records.slice(0, taken).map(({ first, length }) => counted(length, first));
    const received = (length: number, ends: number[] = []): Received =>
      receive(join(shares.map((share) => share.slice(0, length)), ends));
    const { length } = shares[0]!;
    if (rest.refusedAt === undefined) {
      assertEquals(taken, vector.records.length);
      for (const ends of [[], [length - 1]]) {
        assertEquals(received(length, ends), { bodies, error: undefined, atBoundary: true });
      }
      return;
    }
    const { refusedAt } = rest;
    assertEquals(received(refusedAt - 1).error, undefined);
    for (const result of [received(refusedAt, [refusedAt - 1]), received(length, [refusedAt])]) {
      assertEquals(result.bodies, bodies);
      assertInstanceOf(result.error, RecordError);
    }
  });
}
