import { giveBuffer, takeBuffer } from "../net/buffer_pool.ts";
import { Chunk } from "../net/chunk.ts";
import { KEY_LENGTH, RECORD_HEAD_LENGTH } from "../records/record.ts";
import type { RecordEncoder } from "../records/record_encoder.ts";
import { FRAME_HEAD_LENGTH, FrameType } from "../wire/frame.ts";
import { holdsKeys, writeFrameHead } from "../wire/frame_encoder.ts";

/** A DATA frame shorter than this is not begun in the rest of a record. */
const MIN_CUT = 1024;

/** Further records that a frame with keys may cost: one ends in front of it, and its own ends early. */
const RECORDS_FOR_KEYS = 2;

/** Bytes in front of DATA that is sealed where it lies: the heads of its record and of its frame. */
export const DATA_LEAD: number = RECORD_HEAD_LENGTH + FRAME_HEAD_LENGTH;

/** Frames with keys, in records that become short shares. */
export interface KeyFrames {
  /** Maximum length in bytes of a body that holds one: more than the longest of them. */
  readonly maxBody: number;
  /** Number of those that wait, at least. */
  readonly count: number;
}

/**
 * Length in bytes of frames once they are in records, at most.
 *
 * @param length Their total length.
 * @param frames Their number.
 * @param keys Number of those whose records must be short.
 */
export function packedLength(length: number, frames: number, maxBody: number, keys = 0): number {
  // A record may end MIN_CUT bytes, or one short frame, early; DATA that is cut needs another head.
  const records = Math.ceil(length / (maxBody - MIN_CUT)) + 1 + RECORDS_FOR_KEYS * keys;
  return KEY_LENGTH + length + records * DATA_LEAD + frames * FRAME_HEAD_LENGTH;
}

/** Packs frames into sealed records, several of which lie one behind the other and leave in one write. */
export class RecordPacker {
  readonly #encoder: RecordEncoder;
  readonly #maxBody: number;
  readonly #buffer: Uint8Array;
  readonly #limit: number;
  readonly #keys: KeyFrames | null;
  /** Maximum length of the current record's body. */
  #most: number;
  /** Start of the current record. */
  #record: number;
  /** End of its frames so far. */
  #at: number;
  /** Number of bytes of frames so far, without the heads of records. */
  framed = 0;
  /** Maximum of {@linkcode RecordPacker.framed}; lower for a burst that will be padded. */
  most: number = Infinity;

  /**
   * Creates a packer; KEY goes in front of a direction's first record.
   *
   * @param length Number of bytes that the records may have, KEY included; at least one record's, at most a pooled buffer's.
   * @param maxBody Maximum length of a record's body in bytes.
   * @param keys Null if the records do not become short shares.
   * @throws What the encoder's source of random bytes throws.
   */
  constructor(encoder: RecordEncoder, length: number, maxBody: number, keys: KeyFrames | null = null) {
    this.#encoder = encoder;
    this.#maxBody = this.#most = maxBody;
    this.#keys = keys;
    this.#limit = length;
    this.#buffer = takeBuffer(length);
    this.#record = 0;
    if (!encoder.started) {
      this.#buffer.set(encoder.key());
      this.#record = KEY_LENGTH;
    }
    this.#at = this.#record + RECORD_HEAD_LENGTH;
  }

  /** Appends a frame that is not DATA. @returns False if there is no room; nothing is appended then. */
  frame(bytes: Uint8Array): boolean {
    const keys = this.#keys !== null && holdsKeys(bytes) ? this.#keys : null;
    if (this.framed + bytes.length > this.most || !this.#reserve(bytes.length, keys?.maxBody)) return false;
    if (keys !== null) this.#most = keys.maxBody;
    this.#buffer.set(bytes, this.#at);
    this.#take(bytes.length);
    return true;
  }

  /** Appends DATA, as much as fits. @returns The number of bytes appended. */
  data(stream: number, bytes: Uint8Array): number {
    let done = 0;
    while (done < bytes.length) {
      const least = FRAME_HEAD_LENGTH + Math.min(bytes.length - done, MIN_CUT), left = this.most - this.framed;
      if (least > left || !this.#reserve(least)) break;
      const room = Math.min(this.#limit - this.#at, this.#most - this.#length, left) - FRAME_HEAD_LENGTH;
      const part = bytes.subarray(done, done + room);
      writeFrameHead(this.#buffer, this.#at, FrameType.Data, stream, part.length);
      this.#buffer.set(part, this.#at + FRAME_HEAD_LENGTH);
      this.#take(FRAME_HEAD_LENGTH + part.length);
      done += part.length;
    }
    return done;
  }

  /**
   * Appends padding, which ends a burst. The next one begins in a record of its own where shares are short: of their records,
   * more shows than the sum of lengths.
   *
   * @param length Its length in bytes with heads of frames, at least one head's. There must be room.
   */
  pad(length: number): void {
    for (let left = length; left > 0;) {
      const space = this.#most - this.#length, least = FRAME_HEAD_LENGTH;
      // Neither part may be shorter than a head.
      if (space < least || left > space && left < 2 * least) {
        this.#begin();
        continue;
      }
      const part = left <= space ? left : Math.min(space, left - least);
      writeFrameHead(this.#buffer, this.#at, FrameType.Pad, 0, part - least);
      this.#buffer.fill(0, this.#at + least, this.#at + part);
      this.#take(part);
      left -= part;
    }
    if (this.#keys !== null) this.#begin();
  }

  /** Number of bytes of frames for which there is room. */
  get room(): number {
    const left = this.#limit - this.#at;
    const records = Math.floor(left / (this.#maxBody - MIN_CUT)) + 1 + RECORDS_FOR_KEYS * (this.#keys?.count ?? 0);
    return left - RECORD_HEAD_LENGTH * records;
  }

  /** Seals the last record. @returns The records, null if there are none; the caller holds them. */
  finish(): Chunk | null {
    const buffer = this.#buffer;
    if (this.#length > 0) this.#seal();
    const end = this.#record;
    if (end === 0) {
      giveBuffer(buffer);
      return null;
    }
    return new Chunk(buffer.subarray(0, end), () => giveBuffer(buffer));
  }

  /** Length of the current record's body. */
  get #length(): number {
    return this.#at - this.#record - RECORD_HEAD_LENGTH;
  }

  #take(length: number): void {
    this.#at += length;
    this.framed += length;
  }

  /** Makes sure that `length` bytes fit in the current record, or in a further one. @param most Maximum length of its body. */
  #reserve(length: number, most = this.#most): boolean {
    if (this.#length + length > most && this.#length > 0) {
      if (this.#at + RECORD_HEAD_LENGTH + length > this.#limit) return false;
      this.#begin();
    }
    return this.#at + length <= this.#limit;
  }

  /** Seals the current record, and begins another. */
  #begin(): void {
    this.#seal();
    this.#at += RECORD_HEAD_LENGTH;
    this.#most = this.#maxBody;
  }

  #seal(): void {
    this.#encoder.seal(this.#buffer.subarray(this.#record, this.#at));
    this.#record = this.#at;
  }
}

/** DATA of a stream, which lies in a buffer. */
export interface DataInPlace {
  readonly stream: number;
  readonly buffer: Uint8Array;
  /** Offset of the data in the buffer; what lies in front may be overwritten. */
  readonly start: number;
  /** Its length in bytes. */
  readonly length: number;
}

/**
 * Seals DATA where it lies, in as few records as it needs: all but the last one's bytes move forward, to make room for heads.
 *
 * @param frames Frames that go in a record of their own, in front.
 * @returns The records, a view of the buffer that ends with the data; null if the room in front of it does not suffice, or KEY has not
 * been sent, and nothing is written then.
 */
export function sealData(
  encoder: RecordEncoder,
  { stream, buffer, start, length }: DataInPlace,
  maxBody: number,
  frames: readonly Uint8Array[] = [],
): Uint8Array | null {
  const most = maxBody - FRAME_HEAD_LENGTH, records = Math.ceil(length / most), end = start + length;
  const framesLength = frames.reduce((sum, frame) => sum + frame.length, 0);
  const from = start - records * DATA_LEAD - (framesLength > 0 ? RECORD_HEAD_LENGTH + framesLength : 0);
  if (from < 0 || framesLength > maxBody || !encoder.started) return null;
  let at = from;
  if (framesLength > 0) {
    at += RECORD_HEAD_LENGTH;
    for (const frame of frames) {
      buffer.set(frame, at);
      at += frame.length;
    }
    encoder.seal(buffer.subarray(from, at));
  }
  for (let next = start; next < end;) {
    const part = Math.min(most, end - next), body = at + DATA_LEAD;
    if (body < next) buffer.copyWithin(body, next, next + part);
    writeFrameHead(buffer, at + RECORD_HEAD_LENGTH, FrameType.Data, stream, part);
    encoder.seal(buffer.subarray(at, body + part));
    at = body + part;
    next += part;
  }
  return buffer.subarray(from, end);
}
