/** Directions of records to send, and what receivers make of their bytes. */
import { concat } from "../../src/wire/concat.ts";

import { RecordDecoder } from "../../src/records/record_decoder.ts";
import { RecordEncoder } from "../../src/records/record_encoder.ts";
import { RecordReader } from "../../src/records/record_reader.ts";
import { RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { Lender, taken } from "../support/network/chunks.ts";
import "../support/system/native.ts";
import { Random } from "../support/random/random.ts";

/** A sealed record. */
export function sealed(encoder: RecordEncoder, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const record = concat([new Uint8Array(RECORD_HEAD_LENGTH), body]);
  encoder.seal(record);
  return record;
}

/** KEY, and a record for each body, under the keys of a seed. */
export function direction(bodies: readonly Uint8Array[], seed = 1): Uint8Array<ArrayBuffer>[] {
  const encoder = new RecordEncoder(new Random(seed).fill);
  return [encoder.key(), ...bodies.map((body) => sealed(encoder, body))];
}

/** The result of giving a direction to a receiver. */
export interface Received {
  /** Copies of the bodies that it gave. */
  readonly bodies: Uint8Array[];
  /** The error that it threw, if any. */
  readonly error: unknown;
  /** True where the bytes ended with a record. */
  readonly atBoundary: boolean;
}

/** Gives a reader the pieces, each of which is overwritten once it was released: with the last body that lies in it. */
export function receive(pieces: Iterable<Uint8Array>, decoder = new RecordDecoder()): Received {
  const reader = new RecordReader(decoder), bodies: Uint8Array[] = [], lender = new Lender();
  try {
    for (const piece of pieces) {
      reader.push(lender.lend(piece));
      for (let body = reader.next(); body !== null; body = reader.next()) bodies.push(taken(body));
      if (lender.held > 0) throw new Error("a piece that is used up was not released");
    }
  } catch (error) {
    return { bodies, error, atBoundary: false };
  }
  return { bodies, error: undefined, atBoundary: reader.atBoundary };
}

/** Bytes with a pattern added from an offset on, as a channel's owner adds it. */
export function added(bytes: Uint8Array, at: number, pattern: Uint8Array): Uint8Array {
  return bytes.map((byte, index) => byte ^ (pattern[index - at] ?? 0));
}

/** Bytes with a bit flipped. */
export function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  return added(bytes, bit >> 3, Uint8Array.of(1 << (bit & 7)));
}
