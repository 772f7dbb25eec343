/** Records of a direction: bytes as channels bring them, and bodies that were sealed and changed by a pattern. */
import { assertEquals, assertInstanceOf } from "@std/assert";
import { KEY_LENGTH, RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { RecordEncoder, sealedLength } from "../../src/records/record_encoder.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { concat } from "../../src/wire/concat.ts";
import { added, receive, type Received } from "../records/direction.ts";
import { Random } from "../support/random/random.ts";
import { taken, type Target } from "./target.ts";
import { directions, vectorsOf } from "./vectors.ts";

const sent = directions.map((parts) => concat(parts));

/** Bytes of a direction: bodies that are given must be those bytes again, once sealed. */
const records: Target = {
  name: "records",
  seeds: [
    ...sent,
    ...vectorsOf("invalidDirection", "bytes"),
  ],
  words: directions.flat().map((part) => part.subarray(0, RECORD_HEAD_LENGTH)),
  longest: 1500,
  take(input) {
    const received = receive([input]);
    // Often enough, and it takes as long as all else.
    if (input.length % 4 === 0) {
      assertEquals(summary(receive(new Random(input.length).cuts(input, 60))), summary(received));
    }
    if (received.bodies.length > 0) {
      const again = sealed(received.bodies, input);
      assertEquals(again.toHex(), input.subarray(0, again.length).toHex());
    }
    return taken(() => refusal(received), [WireError]) !== null;
  },
};

function refusal({ error }: Received): void {
  if (error !== undefined) throw error;
}

function summary({ bodies, error, atBoundary }: Received): string[] {
  return [...bodies.map((body) => body.toHex()), `${error}`, `${atBoundary}`];
}

/** KEY, with the k and rho that a direction begins with, and a record for each body. */
function sealed(bodies: readonly Uint8Array[], keys: Uint8Array): Uint8Array {
  const encoder = new RecordEncoder((into) => into.set(keys.subarray(0, into.length)));
  const key = encoder.key();
  return concat([
    key,
    ...bodies.map((body) => {
      const record = concat([new Uint8Array(RECORD_HEAD_LENGTH), body]);
      encoder.seal(record);
      return record;
    }),
  ]);
}

/**
 * The longest body `u8`, an offset `u16`, a pattern's length `u8`, the pattern, the message: bytes with the pattern added
 * from the offset on must give the records before it and no other byte.
 */
const tampered: Target = {
  name: "records with a pattern",
  seeds: [
    Uint8Array.of(10, 0, 0, 1, 1, ...Array(40).fill(65)),
    Uint8Array.of(10, 0, 52, 3, 1, 0, 2, ...Array(40).fill(65)),
    Uint8Array.of(255, 0, 83, 16, ...Array(316).fill(66)),
    Uint8Array.of(20, 0, 48, 3, 0, 0, 21, ...Array(60).fill(67)),
    Uint8Array.of(20, 0, 0, 0, ...Array(60).fill(68)),
  ],
  words: [Uint8Array.of(0, 48), Uint8Array.of(0, 83), Uint8Array.of(0, 0, 1), Uint8Array.of(128)],
  longest: 600,
  take(input) {
    const [most = 0, high = 0, low = 0, length = 0] = input, at = high << 8 | low;
    const pattern = input.subarray(4, 4 + length), message = input.subarray(4 + pattern.length);
    if (most === 0 || message.length === 0) return false;
    const encoder = new RecordEncoder(new Random(1).fill), key = encoder.key();
    const buffer = new Uint8Array(sealedLength(message.length, most));
    buffer.set(message, RECORD_HEAD_LENGTH);
    const bytes = concat([key, encoder.sealAll(buffer, message.length, most)]);
    const { bodies, error } = receive([added(bytes, at, pattern)]);
    const first = pattern.findIndex((byte, index) => byte !== 0 && at + index < bytes.length);
    const record = first < 0 ? Infinity : Math.floor((at + first - KEY_LENGTH) / (RECORD_HEAD_LENGTH + most));
    const given = Math.min(message.length, Math.max(0, record) * most);
    assertEquals(concat([...bodies]).toHex(), message.subarray(0, given).toHex());
    if (first >= 0) assertInstanceOf(error, WireError);
    return error === undefined;
  },
};

/** The parsers of records. */
export const recordTargets: readonly Target[] = [records, tampered];
