import { giveBuffer, SMALLEST_BUFFER, takeBuffer } from "../net/buffer_pool.ts";
import type { ByteBudget } from "../net/byte_budget.ts";
import type { Chunk } from "../net/chunk.ts";

/**
 * Length in bytes below which a share is copied behind others into a buffer: a chunk for each of many small ones would take
 * more memory, and keep the garbage collector busy. A copy of a longer one costs more time than a buffer that is held.
 */
const COPIED = 512;

/**
 * Length in bytes up to which a share is copied that fills less than half of the memory that it keeps: what is kept is
 * bounded by its length, and must not take many times that.
 */
const COPIED_IF_SPARSE = 65_536;

/** Factor by which a buffer for copies is larger than the one before, which is full and still there. */
const GROWTH = 16;

/** Number of dropped pieces after which their places are used again. */
const COMPACTED = 64;

/** Consecutive bytes: a share that is held, or a buffer with copies of small ones. */
interface Piece {
  readonly buffer: Uint8Array;
  /** Number of the buffer's bytes that are filled; grows while copies follow. */
  length: number;
  /** The share's memory; null for a buffer with copies. */
  readonly chunk: Chunk | null;
  /** True if the budget covers it. */
  readonly counted: boolean;
}

/**
 * The shares of one channel that are still to be sent, or may have to be sent again: bytes in order, of which the first are
 * dropped. All offsets count bytes since the association began.
 */
export class ShareLog {
  /** Offset of the first byte that is there. */
  from = 0;
  /** Offset behind the last byte. */
  end = 0;
  /** Pieces from index #first on are there; those before are gone. */
  readonly #pieces: (Piece | undefined)[] = [];
  #first = 0;
  /** The piece that was looked at last, and its offset. */
  #cursor = 0;
  #cursorAt = 0;

  /**
   * Appends a share, whose holding it takes over.
   *
   * @param isKept True if it is kept for longer than until it is sent, so that a small one had better be copied.
   * @param counted True if the budget covers it.
   */
  push(share: Chunk, isKept: boolean, counted: boolean): void {
    const { bytes } = share;
    this.end += bytes.length;
    if (!isKept || !isCopied(share)) {
      this.#pieces.push({ buffer: bytes, length: bytes.length, chunk: share, counted });
      return;
    }
    let last = this.#pieces.at(-1);
    if (last === undefined || last.chunk !== null || last.counted !== counted || roomIn(last) < bytes.length) {
      const size = last?.chunk === null ? Math.min(GROWTH * last.buffer.length, COPIED_IF_SPARSE) : SMALLEST_BUFFER;
      last = { buffer: takeBuffer(Math.max(size, bytes.length)), length: 0, chunk: null, counted };
      this.#pieces.push(last);
    }
    last.buffer.set(bytes, last.length);
    last.length += bytes.length;
    share.release();
  }

  /** The bytes from an offset on that lie together: at least one. @param offset From `from` on, and below `end`. */
  view(offset: number): Uint8Array {
    if (offset < this.#cursorAt) {
      this.#cursor = this.#first;
      this.#cursorAt = this.from;
    }
    let piece = this.#pieces[this.#cursor]!;
    while (offset >= this.#cursorAt + piece.length) {
      this.#cursorAt += piece.length;
      piece = this.#pieces[++this.#cursor]!;
    }
    const start = offset - this.#cursorAt;
    return start === 0 && piece.length === piece.buffer.length
      ? piece.buffer
      : piece.buffer.subarray(start, piece.length);
  }

  /**
   * Drops the pieces that end at an offset or before.
   *
   * @param budget Gets back what they have taken of it.
   */
  drop(offset: number, budget: ByteBudget | null): void {
    while (this.#first < this.#pieces.length && this.from + this.#pieces[this.#first]!.length <= offset) {
      const { buffer, length, chunk, counted } = this.#pieces[this.#first]!;
      this.#pieces[this.#first++] = undefined;
      this.from += length;
      if (chunk !== null) chunk.release();
      else giveBuffer(buffer);
      if (counted) budget?.give(length);
    }
    if (this.#cursor < this.#first) {
      this.#cursor = this.#first;
      this.#cursorAt = this.from;
    }
    if (this.#first < COMPACTED && this.#first < this.#pieces.length) return;
    this.#pieces.splice(0, this.#first);
    this.#cursor -= this.#first;
    this.#first = 0;
  }

  /** Number of its bytes that the budget covers. */
  get counted(): number {
    return this.#pieces.reduce((sum, piece) => sum + (piece?.counted ? piece.length : 0), 0);
  }
}

/** True if a share that is kept had better be copied. */
function isCopied({ bytes: { length }, memory }: Chunk): boolean {
  return length < COPIED || length <= COPIED_IF_SPARSE && 2 * length < memory;
}

/** Number of bytes that can still be copied into a piece. */
function roomIn({ buffer, length }: Piece): number {
  return buffer.length - length;
}
