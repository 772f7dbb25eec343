import { headTag, type Poly1305 } from "./hashes.ts";
import { ELEMENT_LENGTH, HASH_AT, KEY_LENGTH, type Random, RECORD_HEAD_LENGTH, TAG_AT } from "./record.ts";

/** Offsets of the hash key and the tag in KEY, behind k. */
const HASH_KEY_AT = 16, KEY_TAG_AT = 32;

/** A hash or tag to compare with; one serves all, as nothing is awaited in between. */
const computed = new Uint8Array(ELEMENT_LENGTH);

/**
 * The keys of one direction's records, and the number of the next one: the same steps seal and check them
 * (docs/PROTOCOL.md 4.1; docs/SECURITY.md has the proof).
 *
 * k keys the tag of a head, t = m1 k + m2 k^2 over GF(2^128), where m1 is the body's length and the record's number and m2
 * the body's hash, h = Poly1305(rho | 0^16, body). Keys and heads travel secret-shared like all else, so that no tag needs
 * a mask. KEY is record 0: it has no body, and rho in the place of a hash.
 */
export class DirectionKey {
  readonly #k: Uint8Array;
  /** Poly1305's r and s, of which s is zero. */
  readonly #hashKey = new Uint8Array(2 * ELEMENT_LENGTH);
  readonly #poly1305: Poly1305;
  #number = 0;

  /** @param key k and rho, the first 32 bytes of KEY; copied. */
  private constructor(key: Uint8Array, poly1305: Poly1305) {
    this.#k = key.slice(0, HASH_KEY_AT);
    this.#hashKey.set(key.subarray(HASH_KEY_AT, KEY_TAG_AT));
    this.#poly1305 = poly1305;
  }

  /**
   * Makes a direction's keys, and KEY.
   *
   * @param key Gets KEY; 48 bytes.
   * @param random Called once, for 32 bytes.
   * @throws What `random` throws; `key` is then of no use.
   */
  static create(key: Uint8Array, random: Random, poly1305: Poly1305): DirectionKey {
    random(key.subarray(0, KEY_TAG_AT));
    const made = new DirectionKey(key, poly1305);
    made.#tagNext(0, key.subarray(HASH_KEY_AT, KEY_TAG_AT));
    key.set(computed, KEY_TAG_AT);
    return made;
  }

  /**
   * Takes the other side's keys from KEY.
   *
   * @param key KEY, 48 bytes; copied.
   * @returns null if the tag is wrong.
   */
  static accept(key: Uint8Array, poly1305: Poly1305): DirectionKey | null {
    const made = new DirectionKey(key, poly1305);
    made.#tagNext(0, key.subarray(HASH_KEY_AT, KEY_TAG_AT));
    return isComputed(key.subarray(KEY_TAG_AT, KEY_LENGTH)) ? made : null;
  }

  /** Writes the head of the next record in front of its body. @param record The head's room, and the body. */
  seal(record: Uint8Array): void {
    const length = record.length - RECORD_HEAD_LENGTH;
    record[0] = length >>> 16;
    record[1] = length >>> 8;
    record[2] = length;
    this.#poly1305(this.#hashKey, record.subarray(RECORD_HEAD_LENGTH), computed);
    record.set(computed, HASH_AT);
    this.#tagNext(length, computed);
    record.set(computed, TAG_AT);
  }

  /** Checks the tag of the next record's head, whose body has `length` bytes. If it is right, the one after it is next. */
  checkHead(head: Uint8Array, length: number): boolean {
    this.#tagNext(length, head.subarray(HASH_AT, TAG_AT));
    const right = isComputed(head.subarray(TAG_AT, RECORD_HEAD_LENGTH));
    if (!right) this.#number--;
    return right;
  }

  /** Checks a body against the hash in its head; true if it is right. */
  checkBody(body: Uint8Array, hash: Uint8Array): boolean {
    this.#poly1305(this.#hashKey, body, computed);
    return isComputed(hash);
  }

  /** Computes the next record's tag. */
  #tagNext(length: number, hash: Uint8Array): void {
    headTag(this.#k, length, this.#number++, hash, computed);
  }
}

/** Compares with what was computed, in a time that does not depend on where the first difference is. */
function isComputed(bytes: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < ELEMENT_LENGTH; i++) difference |= computed[i]! ^ bytes[i]!;
  return difference === 0;
}
