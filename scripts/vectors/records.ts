import { headTag, wasmPoly1305 } from "../../src/records/hashes.ts";
import { HASH_AT, KEY_LENGTH, MAX_BODY, RECORD_HEAD_LENGTH, TAG_AT } from "../../src/records/record.ts";
import { RecordEncoder } from "../../src/records/record_encoder.ts";
import { concat } from "../../src/wire/concat.ts";
import { counted, counting, type Vector } from "./vector.ts";

const text = new TextEncoder();

/** Hashes of bodies under rho. */
export function recordHashes(): Vector[] {
  const rho = counted(16, 16);
  const hash = (name: string, description: string, body: Uint8Array, key = rho): Vector => {
    const value = new Uint8Array(16);
    wasmPoly1305(concat([key, new Uint8Array(16)]), body, value);
    return { name, description, rho: key.toHex(), body: body.toHex(), hash: value.toHex() };
  };
  return [
    hash("a byte", "The shortest body", Uint8Array.of(65)),
    hash("a block", "16 bytes", counted(16)),
    hash("a block and a byte", "17 bytes", counted(17)),
    hash("a text", "34 bytes", text.encode("Cryptographic Forum Research Group")),
    hash("all ones", "Limbs that are full, with every bit of rho set", counted(48).fill(255), counted(16).fill(255)),
    hash(
      "near the prime",
      "A sum that is 2^130 - 5, so 0",
      nearPrime(),
      concat([Uint8Array.of(1), new Uint8Array(15)]),
    ),
    hash("many blocks", "1,000 bytes", counted(1000)),
  ];
}

/** The message of vector 8 of RFC 8439, appendix A.3. */
function nearPrime(): Uint8Array {
  return Uint8Array.fromHex("ff".repeat(16) + "fb" + "fe".repeat(15) + "01".repeat(16));
}

/** Tags of heads: m1 k + m2 k^2. */
export function recordTags(): Vector[] {
  const k = counted(16), hash = counted(16, 128);
  const tag = (name: string, description: string, length: number, number: number, key = k): Vector => {
    const m1 = new DataView(new ArrayBuffer(16)), value = new Uint8Array(16);
    m1.setUint32(4, length);
    m1.setBigUint64(8, BigInt(number));
    headTag(key, length, number, hash, value);
    const blocks = [new Uint8Array(m1.buffer).toHex(), hash.toHex()];
    return { name, description, k: key.toHex(), length, number, hash: hash.toHex(), blocks, tag: value.toHex() };
  };
  return [
    tag("KEY", "Length and number 0: hash k^2", 0, 0),
    tag("first record", "A byte", 1, 1),
    tag("longest", "65,536 bytes", MAX_BODY, 1),
    tag("after many", "Number 2^32 + 1", 100, 2 ** 32 + 1),
    tag("one", "k is 1: the sum of both blocks", 100, 1, Uint8Array.from({ length: 16 }, (_, at) => at === 15 ? 1 : 0)),
    tag("all ones", "k is all ones", 100, 1, counted(16).fill(255)),
  ];
}

/** One direction's KEY and records, in order. */
export function recordDirection(): Vector[] {
  const encoder = new RecordEncoder(counting(), wasmPoly1305), key = encoder.key();
  const fields = { k: key.subarray(0, 16).toHex(), rho: key.subarray(16, 32).toHex(), tag: key.subarray(32).toHex() };
  const bodies: readonly [string, string, Uint8Array][] = [
    ["record 1", "A short text", text.encode("Multiple Independent Channels")],
    ["record 2", "The shortest body, a byte", Uint8Array.of(33)],
    ["record 3", "The same body: another tag", Uint8Array.of(33)],
    ["record 4", "Two blocks", counted(32, 100)],
    ["record 5", "A body whose length has two bytes", counted(300, 7)],
  ];
  return [
    { name: "KEY", description: "Record 0: k, rho, and the tag of both", ...fields, bytes: key.toHex() },
    ...bodies.map(([name, description, body]) => {
      const record = sealed(encoder, body);
      return {
        name,
        description,
        length: body.length,
        hash: record.subarray(HASH_AT, TAG_AT).toHex(),
        tag: record.subarray(TAG_AT, RECORD_HEAD_LENGTH).toHex(),
        body: body.toHex(),
        bytes: record.toHex(),
      };
    }),
  ];
}

/**
 * Directions that must be refused: after how many bytes at the latest, and how many bodies may have been given by then.
 */
export function invalidDirections(): Vector[] {
  const encoder = new RecordEncoder(counting(), wasmPoly1305);
  const key = encoder.key(), first = sealed(encoder, counted(5, 65)), second = sealed(encoder, counted(5, 75));
  const third = sealed(encoder, counted(20)), head = RECORD_HEAD_LENGTH;
  const vector = (
    name: string,
    description: string,
    given: number,
    refusedAt: number,
    ...parts: Uint8Array[]
  ): Vector => ({
    name,
    description,
    given,
    refusedAt,
    bytes: concat(parts).toHex(),
  });
  const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.with(at, bytes[at]! ^ 1);
  /** A record whose length is another; the rest stays. */
  const resized = (record: Uint8Array, length: number): Uint8Array =>
    concat([Uint8Array.of(length >> 16, length >> 8, length), record.slice(HASH_AT)]);
  const afterKey = KEY_LENGTH + head, whole = KEY_LENGTH + first.length;
  return [
    vector("no KEY", "A record first", 0, KEY_LENGTH, first, second),
    vector("KEY twice", "A second KEY in the place of a head", 0, afterKey, key, key),
    vector("another k", "A bit of k is flipped", 0, KEY_LENGTH, flipped(key, 0), first),
    vector("another rho", "A bit of rho is flipped", 0, KEY_LENGTH, flipped(key, 16), first),
    vector("another tag of KEY", "A bit of KEY's tag is flipped", 0, KEY_LENGTH, flipped(key, 32), first),
    vector("k and rho", "The same bit of both is flipped", 0, KEY_LENGTH, flipped(flipped(key, 0), 16), first),
    vector("no body", "Length 0, refused at the head", 0, afterKey, key, resized(first, 0)),
    vector("too long", "Length 65,537, refused at the head", 0, afterKey, key, resized(first, MAX_BODY + 1)),
    vector("longer", "A byte more than sent, refused at the head", 0, afterKey, key, resized(first, 6), second),
    vector("shorter", "A byte less than sent, refused at the head", 0, afterKey, key, resized(first, 4), second),
    vector("another hash", "A bit of the hash is flipped", 0, afterKey, key, flipped(first, HASH_AT), second),
    vector("another tag", "A bit of the tag is flipped", 0, afterKey, key, flipped(first, TAG_AT), second),
    vector("hash and tag", "The same bit of both", 0, afterKey, key, flipped(flipped(first, HASH_AT), TAG_AT), second),
    vector("another body", "A bit of the body is flipped", 0, whole, key, flipped(first, head), second),
    vector("second body", "The first record is given", 1, whole + second.length, key, first, flipped(second, head)),
    vector("left out", "Record 1 is missing", 0, afterKey, key, second),
    vector("repeated", "Record 1 comes twice", 1, whole + head, key, first, first),
    vector("exchanged", "Records of one length in the wrong order", 0, afterKey, key, second, first),
    vector("moved body", "Record 1 with the body of record 2", 0, whole, key, first.slice(0, head), second.slice(head)),
    vector(
      "moved hash",
      "Record 2 with the hash of record 1",
      1,
      whole + head,
      key,
      first,
      second.map((byte, at) => at < TAG_AT ? first[at]! : byte),
    ),
    vector("third left out", "Record 2 is missing", 1, whole + head, key, first, third),
  ];
}

function sealed(encoder: RecordEncoder, body: Uint8Array): Uint8Array {
  const record = concat([new Uint8Array(RECORD_HEAD_LENGTH), body]);
  encoder.seal(record);
  return record;
}
