import { DirectionKey } from "./direction_key.ts";
import type { Poly1305 } from "./hashes.ts";
import { fastestPoly1305 } from "./poly1305.ts";
import { KEY_LENGTH, MAX_BODY, MIN_BODY, type Random, RECORD_HEAD_LENGTH } from "./record.ts";

/**
 * Seals one direction's message bytes into records, in the order in which they are sent.
 *
 * Bodies stay where they are: the caller leaves {@linkcode RECORD_HEAD_LENGTH} bytes of room in front of each. Records that
 * lie one behind the other in a buffer are sent in one write.
 */
export class RecordEncoder {
  readonly #random: Random;
  readonly #poly1305: Poly1305;
  #key: DirectionKey | null = null;

  /**
   * Creates an encoder that has sent nothing.
   *
   * @param random Source of the keys: a CSPRNG that is watched (guardedRandom). Asked once, for 32 bytes.
   * @param poly1305 Default: the fastest of this system.
   */
  constructor(random: Random, poly1305: Poly1305 = fastestPoly1305()) {
    this.#random = random;
    this.#poly1305 = poly1305;
  }

  /** True once {@linkcode RecordEncoder.key} was called: it must be, once, before anything is sealed. */
  get started(): boolean {
    return this.#key !== null;
  }

  /**
   * KEY, a direction's first bytes.
   *
   * @returns {@linkcode KEY_LENGTH} bytes, the caller's.
   * @throws What the source of random bytes throws; nothing can be sealed then.
   */
  key(): Uint8Array<ArrayBuffer> {
    if (this.#key !== null) throw new TypeError("a second KEY");
    const key = new Uint8Array(KEY_LENGTH);
    this.#key = DirectionKey.create(key, this.#random, this.#poly1305);
    return key;
  }

  /**
   * Seals a record in place.
   *
   * @param record {@linkcode RECORD_HEAD_LENGTH} bytes that get the head, then the body of 1 to 65,536 bytes.
   * @throws {RangeError} When the body has another length; nothing is written then.
   */
  seal(record: Uint8Array): void {
    if (this.#key === null) throw new TypeError("a record before KEY");
    const length = record.length - RECORD_HEAD_LENGTH;
    if (length < MIN_BODY || length > MAX_BODY) throw new RangeError(`a record of ${length} bytes`);
    this.#key.seal(record);
  }

  /**
   * Seals many bytes in as few records as they need, all in one buffer. The first body stays where it is; those behind it
   * are moved to make room for their heads.
   *
   * @param buffer {@linkcode RECORD_HEAD_LENGTH} bytes of room, then the bytes to seal, then room for the further heads.
   * @param length The number of bytes to seal, at least 1.
   * @param maxBody Maximum length of a body, 1 to 65,536 bytes.
   * @returns The records: the first {@linkcode sealedLength} bytes of the buffer.
   * @throws {RangeError} When the buffer is too short, or a length is out of range; nothing is written then.
   */
  sealAll(buffer: Uint8Array, length: number, maxBody: number): Uint8Array {
    if (maxBody < MIN_BODY || maxBody > MAX_BODY) throw new RangeError(`records of at most ${maxBody} bytes`);
    const total = sealedLength(length, maxBody);
    if (length < MIN_BODY || buffer.length < total) {
      throw new RangeError(`${length} bytes in a buffer of ${buffer.length}`);
    }
    const step = RECORD_HEAD_LENGTH + maxBody, last = Math.ceil(length / maxBody) - 1;
    for (let index = last; index > 0; index--) {
      const from = RECORD_HEAD_LENGTH + index * maxBody;
      buffer.copyWithin(index * step + RECORD_HEAD_LENGTH, from, Math.min(from + maxBody, RECORD_HEAD_LENGTH + length));
    }
    const records = buffer.subarray(0, total);
    for (let at = 0; at < total; at += step) this.seal(records.subarray(at, at + step));
    return records;
  }
}

/**
 * The length in bytes of `length` bytes once they are sealed.
 *
 * @param maxBody Maximum length of a body, in bytes.
 */
export function sealedLength(length: number, maxBody: number): number {
  return length + Math.ceil(length / maxBody) * RECORD_HEAD_LENGTH;
}
