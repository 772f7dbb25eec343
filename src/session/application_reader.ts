import { affordable, giveBuffer, nextSize, SMALLEST_BUFFER, takeBuffer } from "../net/buffer_pool.ts";
import type { Connection } from "../net/connection.ts";
import { FRAME_HEAD_LENGTH } from "../wire/frame.ts";
import { applied } from "./relay.ts";

/** Of what filled its buffer, so many bytes at most are copied to be one piece with what came behind. */
const MAX_COPIED = 8192;

/**
 * So many microtasks a read is given to show that the system had done it by the time that it was asked for. Such a read
 * takes five (Deno 2.6 and 2.9).
 */
const AT_ONCE = 12;

/** Some of what an application said, and room for it to be sent as DATA, with END behind where it is the last. */
export interface Piece {
  /** To be given back. */
  readonly buffer: Uint8Array;
  /** Where in the buffer the room for DATA's head starts; the bytes follow. */
  readonly start: number;
  /** How many bytes it has, without any room. */
  readonly length: number;
  /** Whether the application has half-closed behind it, and there is room for END's head. */
  readonly last: boolean;
}

/**
 * What an application says, read piece by piece, with buffers that grow with the flow. What has come by the time that the
 * first piece is read, its end included, is one piece with it: that may be all there is, and each piece costs a write on
 * every channel. Later pieces are not looked behind, which would cost a twelfth of the requests on kept connections.
 */
export class ApplicationReader {
  readonly #application: Connection;
  #size: number = SMALLEST_BUFFER;
  #first = true;
  /** A read that was asked for to see what has come, and what it gave or will give. */
  #ahead: Promise<Piece | null> | null = null;

  /**
   * Reads nothing yet.
   *
   * @param application Nobody else may read from it.
   */
  constructor(application: Connection) {
    this.#application = application;
  }

  /**
   * Reads the next piece; the last call must have settled.
   *
   * @returns null at the application's half-close, again and again. Otherwise the buffer is the caller's.
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
   * @param lead So many bytes are left free in front, for those of the piece before.
   * @param gather Whether to go on for as long as there is more at once.
   */
  #read(lead: number, gather: boolean): Promise<Piece | null> {
    const size = affordable(this.#size);
    const buffer = takeBuffer(FRAME_HEAD_LENGTH + size);
    const room = buffer.subarray(FRAME_HEAD_LENGTH + lead, FRAME_HEAD_LENGTH + size);
    // Not as an async function, whose state would be kept while the application is silent.
    return applied(
      this.#application.read(room).then((length) => {
        if (length === null) {
          giveBuffer(buffer);
          return null;
        }
        this.#size = nextSize(size, lead + length);
        const piece = { buffer, start: lead, length, last: false };
        return gather ? this.#whole(piece) : piece;
      }),
    );
  }

  /** A piece, and what else has come by now. */
  async #whole(piece: Piece): Promise<Piece> {
    for (;;) {
      const { buffer, length }: Piece = piece;
      const end = FRAME_HEAD_LENGTH + length;
      const roomForEnd = end + FRAME_HEAD_LENGTH <= buffer.length;
      if (!roomForEnd && (length > MAX_COPIED || length >= affordable(this.#size))) return piece;
      const ahead = this.#ahead = this.#read(roomForEnd ? 0 : length, false);
      if (!await settlesAtOnce(ahead)) return piece;
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

/** Whether a read has been done by the time that it was asked for; one that failed is met by who asks next. */
async function settlesAtOnce(reading: Promise<unknown>): Promise<boolean> {
  let settled = false;
  reading.then(() => settled = true, () => {});
  for (let microtask = 0; microtask < AT_ONCE && !settled; microtask++) await null;
  return settled;
}
