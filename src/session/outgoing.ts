import { giveBuffer, takeBuffer } from "../net/buffer_pool.ts";
import type { Connection } from "../net/connection.ts";
import type { Piece } from "../streams/piece.ts";
import type { Stream, StreamSender } from "../streams/stream.ts";
import { ApplicationReader, type PieceReceiver } from "./application_reader.ts";
import type { Traffic } from "./traffic.ts";

/** Limit on the bytes to keep until the session is confirmed. */
const MAX_KEPT = 65_536;

/**
 * Sends an application's bytes into a stream, and half-closes it at the application's half-close.
 *
 * Can keep them until the session is confirmed, to send them again on another stream if the other side does not process the
 * OPEN on the first. Only reads from the application's connection.
 */
export class Outgoing implements StreamSender, PieceReceiver {
  readonly #reader: ApplicationReader;
  readonly #traffic: Traffic;
  /** The stream to send on; null while there is none, and once it has failed or is being half-closed. */
  #stream: Stream | null = null;
  /** Settles the current pump. */
  #pumped: PromiseWithResolvers<void> | null = null;
  #reading = false;
  /** Why nothing more can be read; later pumps fail with it, too. */
  #unreadable: Error | null = null;
  /** What was read and is still to be sent, null for the half-close; it survives a superseded pump. */
  #next: Piece | null | undefined = undefined;
  /** Buffer of the piece on its way into the stream. */
  #sending: Uint8Array | null = null;
  #kept: Uint8Array[] | null;
  #keptLength = 0;
  /** Kept bytes that are still to be sent again. */
  #again: Uint8Array[] | null = null;

  /**
   * Reads nothing yet.
   *
   * @param application Nothing else may read from it.
   * @param traffic Counts the bytes sent.
   * @param keep Keeps the bytes until {@linkcode Outgoing.confirm}, up to 64 KiB and one piece.
   */
  constructor(application: Connection, traffic: Traffic, keep = false) {
    this.#reader = new ApplicationReader(application, this);
    this.#traffic = traffic;
    this.#kept = keep ? [] : null;
  }

  /** True if none of the application's bytes have been sent. */
  get unsaid(): boolean {
    return this.#traffic.sent === 0;
  }

  /** Stops keeping bytes: the session has begun. */
  confirm(): void {
    this.#kept = null;
    this.#advance();
  }

  /**
   * Sends the kept bytes, and then the application's further bytes until it half-closes. A later call, with another stream,
   * supersedes this one, which then resolves.
   *
   * Not an async function, whose state would be kept while the application is silent; nor are there promises for each piece.
   *
   * @returns Resolves when the half-close has left. Rejects with an `ApplicationError` when reading from the application fails,
   * and with the stream's error when that fails.
   */
  pump(stream: Stream): Promise<void> {
    this.#pumped?.resolve();
    const { promise } = this.#pumped = Promise.withResolvers<void>();
    this.#stream = stream;
    this.#sending = null;
    this.#again = this.#kept === null ? null : [...this.#kept];
    if (this.#unreadable !== null) this.#fail(this.#unreadable);
    else this.#advance();
    return promise;
  }

  /** Called by the stream. */
  left(stream: Stream): void {
    if (stream !== this.#stream) return;
    giveBuffer(this.#sending!);
    this.#sending = null;
    this.#advance();
  }

  /** Called by the stream. */
  failed(error: Error, stream: Stream): void {
    if (stream === this.#stream) this.#fail(error);
  }

  /** Called by the reader. */
  arrived(piece: Piece | null): void {
    this.#reading = false;
    this.#next = piece;
    this.#advance();
  }

  /** Called by the reader. */
  unreadable(error: Error): void {
    this.#unreadable = error;
    this.#fail(error);
  }

  /** Sends, or reads, what comes next, unless a piece is on its way. */
  #advance(): void {
    const stream = this.#stream;
    if (stream === null || this.#sending !== null) return;
    const again = this.#again?.shift();
    if (again !== undefined) return this.#send(stream, copied(again));
    if (this.#kept !== null && this.#keptLength >= MAX_KEPT) return;
    const piece = this.#next;
    if (piece === undefined) this.#read();
    else if (piece === null) {
      this.#stream = null;
      stream.end().then(this.#pumped!.resolve, this.#pumped!.reject);
    } else {
      const { buffer, start, length } = piece;
      if (this.#kept !== null) {
        this.#kept.push(buffer.slice(start, start + length));
        this.#keptLength += length;
      }
      this.#next = undefined;
      this.#traffic.sent += length;
      this.#send(stream, piece);
    }
  }

  #send(stream: Stream, piece: Piece): void {
    this.#sending = piece.buffer;
    stream.send(piece, this);
  }

  #read(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#reader.next();
  }

  #fail(error: Error): void {
    this.#stream = this.#sending = null;
    this.#pumped!.reject(error);
  }
}

/** Bytes as a piece. */
function copied(bytes: Uint8Array): Piece {
  const buffer = takeBuffer(bytes.length);
  buffer.set(bytes);
  return { buffer, start: 0, length: bytes.length };
}
