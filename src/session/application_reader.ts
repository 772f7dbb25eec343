import { affordable, giveBuffer, nextSize, SMALLEST_BUFFER, takeBuffer } from "../net/buffer_pool.ts";
import type { Connection } from "../net/connection.ts";
import { FRAME_HEAD_LENGTH } from "../wire/frame.ts";
import { applied } from "./relay.ts";

/** Limit on the bytes of a full buffer that are copied to form one piece with the bytes behind them. */
const MAX_COPIED = 8192;

/** Microtasks within which a read of bytes that have already arrived completes; it takes five (Deno 2.6 and 2.9). */
const AT_ONCE = 12;

/** A piece of an application's bytes, with room for the heads of DATA, and of END if it is the last. */
export interface Piece {
  /** The pooled buffer; the receiver gives it back. */
  readonly buffer: Uint8Array;
  /** Offset of the room for DATA's head; the bytes follow. */
  readonly start: number;
  /** Number of the application's bytes. */
  readonly length: number;
  /** True if the application half-closed behind it, and there is room for END's head. */
  readonly last: boolean;
}

/**
 * Reads an application's bytes piece by piece, with buffers that grow with the flow. Bytes available at the first read,
 * and the half-close, are coalesced into the first piece: they may be all there is, and each piece costs a write on every
 * channel. Later pieces are not coalesced, which would cost a twelfth of the requests on kept connections.
 */
export class ApplicationReader {
  readonly #application: Connection;
  #size: number = SMALLEST_BUFFER;
  #first = true;
  /** A read started while coalescing, whose piece is next. */
  #ahead: Promise<Piece | null> | null = null;

  /**
   * Reads nothing yet.
   *
   * @param application Nothing else may read from it.
   */
  constructor(application: Connection) {
    this.#application = application;
  }

  /**
   * Reads the next piece; the last call must have settled.
   *
   * @returns Null at the application's half-close and ever after. Otherwise the caller owns the buffer.
   * @throws {ApplicationError} When reading fails.
   */
  next(): Promise<Piece | null> {
    const ahead = this.#ahead ?? this.#read(0, this.#first);
    this.#ahead = null;
    this.#first = false;
    return ahead;
  }

  /**
   * Reads once.
   *
   * @param lead Bytes to leave free in front, for those of the previous piece.
   * @param coalesce Appends further bytes that are already available.
   */
  #read(lead: number, coalesce: boolean): Promise<Piece | null> {
    const size = affordable(this.#size);
    const buffer = takeBuffer(FRAME_HEAD_LENGTH + size);
    const room = buffer.subarray(FRAME_HEAD_LENGTH + lead, FRAME_HEAD_LENGTH + size);
    // Not an async function, whose state would be kept while the application is silent.
    return applied(
      this.#application.read(room).then((length) => {
        if (length === null) {
          giveBuffer(buffer);
          return null;
        }
        this.#size = nextSize(size, lead + length);
        const piece = { buffer, start: lead, length, last: false };
        return coalesce ? this.#coalesce(piece) : piece;
      }),
    );
  }

  /** Appends the bytes that are already available to a piece. */
  async #coalesce(piece: Piece): Promise<Piece> {
    for (;;) {
      const { buffer, length }: Piece = piece;
      const end = FRAME_HEAD_LENGTH + length;
      const roomForEnd = end + FRAME_HEAD_LENGTH <= buffer.length;
      if (!roomForEnd && (length > MAX_COPIED || length >= affordable(this.#size))) return piece;
      const ahead = this.#ahead = this.#read(roomForEnd ? 0 : length, false);
      if (!await isImmediate(ahead)) return piece;
      const more: Piece | null = await ahead;
      if (roomForEnd) return { ...piece, last: more === null };
      if (more === null) return piece;
      this.#ahead = null;
      more.buffer.set(buffer.subarray(FRAME_HEAD_LENGTH, end), FRAME_HEAD_LENGTH);
      giveBuffer(buffer);
      piece = { ...more, start: 0, length: length + more.length };
    }
  }
}

/** True if a read completes without waiting. Its failure surfaces in the next call. */
async function isImmediate(reading: Promise<unknown>): Promise<boolean> {
  let settled = false;
  reading.then(() => settled = true, () => {});
  for (let microtask = 0; microtask < AT_ONCE && !settled; microtask++) await null;
  return settled;
}
