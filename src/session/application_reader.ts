import { affordable, giveBuffer, nextSize, SMALLEST_BUFFER, takeBuffer } from "../net/buffer_pool.ts";
import type { Connection } from "../net/connection.ts";
import type { Piece } from "../streams/piece.ts";
import { MAX_BODY } from "../records/record.ts";
import { FRAME_HEAD_LENGTH } from "../wire/frame.ts";
import { applicationError } from "./application_error.ts";

/** Gets what an {@linkcode ApplicationReader} reads. */
export interface PieceReceiver {
  /** The next piece, whose pooled buffer it owns; null at the application's half-close. */
  arrived(piece: Piece | null): void;
  /** Reading has failed, with an `ApplicationError`. */
  unreadable(error: Error): void;
}

/** Reads an application's bytes piece by piece, with buffers that grow with the flow. */
export class ApplicationReader {
  readonly #application: Connection;
  readonly #receiver: PieceReceiver;
  #size: number = SMALLEST_BUFFER;
  /** The read under way: its size, its buffer, and the part of that to read into. */
  #asked = 0;
  #buffer: Uint8Array | null = null;
  #room: Uint8Array | null = null;
  // One function each, rather than one for each read.
  readonly #onRead = (length: number | null): void => this.#read(length);
  readonly #onError = (cause: unknown): void => this.#receiver.unreadable(applicationError(cause));

  /** Reads nothing yet. @param application Nothing else may read from it. */
  constructor(application: Connection, receiver: PieceReceiver) {
    this.#application = application;
    this.#receiver = receiver;
  }

  /** Reads the next piece, or the half-close again; the receiver must have got the one before. */
  next(): void {
    const size = this.#asked = affordable(this.#size);
    const buffer = this.#buffer = takeBuffer(size);
    // As much as whole records carry: a rest would cost a record of its own. Behind the room for their heads.
    this.#room = buffer.subarray(buffer.length - size + FRAME_HEAD_LENGTH * Math.floor(size / MAX_BODY));
    this.#application.read(this.#room).then(this.#onRead, this.#onError);
  }

  #read(length: number | null): void {
    const buffer = this.#buffer!, room = this.#room!, size = this.#asked;
    this.#buffer = this.#room = null;
    if (length === null) {
      giveBuffer(buffer);
      return this.#receiver.arrived(null);
    }
    this.#size = nextSize(size, length === room.length ? size : length);
    this.#receiver.arrived({ buffer, start: room.byteOffset - buffer.byteOffset, length });
  }
}
