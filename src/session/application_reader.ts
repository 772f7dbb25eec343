import { affordable, giveBuffer, nextSize, SMALLEST_BUFFER, takeBuffer } from "../net/buffer_pool.ts";
import type { Connection } from "../net/connection.ts";
import type { Piece } from "../streams/piece.ts";
import { MAX_BODY } from "../records/record.ts";
import { FRAME_HEAD_LENGTH } from "../wire/frame.ts";
import { failed } from "./application_error.ts";

/** Reads an application's bytes piece by piece, with buffers that grow with the flow. */
export class ApplicationReader {
  readonly #application: Connection;
  #size: number = SMALLEST_BUFFER;

  /** Reads nothing yet. @param application Nothing else may read from it. */
  constructor(application: Connection) {
    this.#application = application;
  }

  /**
   * Reads the next piece; the last call must have settled.
   *
   * @returns Null at the application's half-close. Otherwise the caller owns the buffer, a pooled one.
   * @throws {ApplicationError} When reading fails.
   */
  next(): Promise<Piece | null> {
    const size = affordable(this.#size);
    const buffer = takeBuffer(size);
    // As much as whole records carry: a rest would cost a record of its own. Behind the room for their heads.
    const room = buffer.subarray(buffer.length - size + FRAME_HEAD_LENGTH * Math.floor(size / MAX_BODY));
    // Not an async function, whose state would be kept while the application is silent.
    return this.#application.read(room).then((length) => {
      if (length === null) {
        giveBuffer(buffer);
        return null;
      }
      this.#size = nextSize(size, length === room.length ? size : length);
      return { buffer, start: room.byteOffset - buffer.byteOffset, length };
    }, failed);
  }
}
