import { giveBuffer, takeBuffer } from "../net/buffer_pool.ts";
import { Chunk } from "../net/chunk.ts";
import { KEY_LENGTH, RECORD_HEAD_LENGTH } from "../records/record.ts";
import type { RecordEncoder } from "../records/record_encoder.ts";
import { FRAME_HEAD_LENGTH, FrameType } from "../wire/frame.ts";
import { writeFrameHead } from "../wire/frame_encoder.ts";

/** A DATA frame shorter than this is not begun in the rest of a record. */
const MIN_CUT = 1024;

/** Bytes in front of DATA that is sealed where it lies: the heads of its record and of its frame. */
export const DATA_LEAD: number = RECORD_HEAD_LENGTH + FRAME_HEAD_LENGTH;

/** Length in bytes of frames once they are in records, at most. @param length Their total length. @param frames Their number. */
export function packedLength(length: number, frames: number, maxBody: number): number {
  // A record may end MIN_CUT bytes, or one short frame, early; DATA that is cut needs another head.
  const records = Math.ceil(length / (maxBody - MIN_CUT)) + 1;
  return KEY_LENGTH + length + records * DATA_LEAD + frames * FRAME_HEAD_LENGTH;
}

/** Packs frames into sealed records, several of which lie one behind the other and leave in one write. */
export class RecordPacker {
  readonly #encoder: RecordEncoder;
  readonly #maxBody: number;
  readonly #buffer: Uint8Array;
  readonly #limit: number;
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
   * @throws What the encoder's source of random bytes throws.
   */
  constructor(encoder: RecordEncoder, length: number, maxBody: number) {
    this.#encoder = encoder;
    this.#maxBody = maxBody;
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
    if (this.framed + bytes.length > this.most || !this.#reserve(bytes.length)) return false;
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
      const room = Math.min(this.#limit - this.#at, this.#maxBody - this.#length, left) - FRAME_HEAD_LENGTH;
      const part = bytes.subarray(done, done + room);
      writeFrameHead(this.#buffer, this.#at, FrameType.Data, stream, part.length);
      this.#buffer.set(part, this.#at + FRAME_HEAD_LENGTH);
      this.#take(FRAME_HEAD_LENGTH + part.length);
      done += part.length;
    }
    return done;
  }

  /** Appends padding. @param length Its length in bytes with heads of frames, at least one head's. There must be room. */
  pad(length: number): void {
    for (let left = length; left > 0;) {
      const space = this.#maxBody - this.#length, least = FRAME_HEAD_LENGTH;
      // Neither part may be shorter than a head.
      if (space < least || left > space && left < 2 * least) {
        this.#seal();
        this.#at += RECORD_HEAD_LENGTH;
        continue;
      }
      const part = left <= space ? left : Math.min(space, left - least);
      writeFrameHead(this.#buffer, this.#at, FrameType.Pad, 0, part - least);
      this.#buffer.fill(0, this.#at + least, this.#at + part);
      this.#take(part);
      left -= part;
    }
  }

  /** Number of bytes of frames for which there is room. */
  get room(): number {
    const left = this.#limit - this.#at;
    return left - RECORD_HEAD_LENGTH * (Math.floor(left / (this.#maxBody - MIN_CUT)) + 1);
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

  /** Makes sure that `length` bytes fit in the current record, or in a further one. */
  #reserve(length: number): boolean {
    if (this.#length + length > this.#maxBody && this.#length > 0) {
      if (this.#at + RECORD_HEAD_LENGTH + length > this.#limit) return false;
      this.#seal();
      this.#at += RECORD_HEAD_LENGTH;
    }
    return this.#at + length <= this.#limit;
  }

  #seal(): void {
    this.#encoder.seal(this.#buffer.subarray(this.#record, this.#at));
    this.#record = this.#at;
  }
}

/**
 * Seals DATA where it lies, in as few records as it needs: the bytes behind the first record move to make room for heads.
 *
 * @param buffer {@linkcode DATA_LEAD} bytes of room, then the data, then room for further heads.
 * @param length The data's length in bytes.
 * @returns The records, a view of the buffer; null if the room does not suffice, and nothing is written then.
 */
export function sealData(
  encoder: RecordEncoder,
  buffer: Uint8Array,
  stream: number,
  length: number,
  maxBody: number,
): Uint8Array | null {
  const most = maxBody - FRAME_HEAD_LENGTH, last = Math.ceil(length / most) - 1;
  const total = length + (last + 1) * DATA_LEAD;
  if (buffer.length < total || !encoder.started) return null;
  const step = DATA_LEAD + most;
  for (let index = last; index > 0; index--) {
    const from = DATA_LEAD + index * most;
    buffer.copyWithin(index * step + DATA_LEAD, from, Math.min(from + most, DATA_LEAD + length));
  }
  for (let at = 0; at < total; at += step) {
    const record = buffer.subarray(at, Math.min(at + step, total));
    writeFrameHead(record, RECORD_HEAD_LENGTH, FrameType.Data, stream, record.length - DATA_LEAD);
    encoder.seal(record);
  }
  return buffer.subarray(0, total);
}
