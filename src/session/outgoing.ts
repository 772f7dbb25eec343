import { giveBuffer, takeBuffer } from "../net/buffer_pool.ts";
import type { Connection } from "../net/connection.ts";
import type { Piece } from "../streams/piece.ts";
import type { Stream, StreamSender } from "../streams/stream.ts";
import type { HalfObserver } from "./half.ts";
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
  /** The stream to send on; null while there is none, and once it has failed. */
  #stream: Stream | null = null;
  #observer: HalfObserver | null = null;
  /** Outcome of the current pump; null while it goes on. */
  #outcome: Error | "ended" | null = null;
  #reading = false;
  /** The half-close is on its way. */
  #ending = false;
  /** Why nothing more can be read; later pumps fail with it, too. */
  #unreadable: Error | null = null;
  /** The piece that was read and is still to be sent, null for the half-close; survives a superseded pump. */
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
   * supersedes this one.
   */
  pump(stream: Stream): void {
    this.#outcome = null;
    this.#stream = stream;
    this.#sending = null;
    this.#ending = false;
    this.#again = this.#kept === null ? null : [...this.#kept];
    if (this.#unreadable !== null) this.#settle(this.#unreadable);
    else this.#advance();
  }

  /**
   * Reports how the current pump is over, now or later: that the half-close has left, an `ApplicationError` when reading from
   * the application has failed, or the stream's error. Supersedes the observer before.
   */
  observe(observer: HalfObserver): void {
    this.#observer = observer;
    this.#report();
  }

  /** Called by the stream. */
  left(stream: Stream): void {
    if (stream !== this.#stream) return;
    if (this.#ending) return this.#settle("ended");
    giveBuffer(this.#sending!);
    this.#sending = null;
    this.#advance();
  }

  /** Called by the stream. */
  failed(error: Error, stream: Stream): void {
    if (stream === this.#stream) this.#settle(error);
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
    this.#settle(error);
  }

  /** Sends, or reads, what comes next, unless a piece is on its way. */
  #advance(): void {
    const stream = this.#stream;
    if (stream === null || this.#sending !== null || this.#ending) return;
    const again = this.#again?.shift();
    if (again !== undefined) return this.#send(stream, copied(again));
    this.#again = null;
    if (this.#kept !== null && this.#keptLength >= MAX_KEPT) return;
    const piece = this.#next;
    if (piece === undefined) this.#read();
    else if (piece === null) {
      this.#ending = true;
      stream.end(this);
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

  #settle(outcome: Error | "ended"): void {
    this.#stream = this.#sending = null;
    this.#outcome ??= outcome;
    this.#report();
  }

  #report(): void {
    const observer = this.#observer, outcome = this.#outcome;
    if (observer === null || outcome === null) return;
    this.#observer = null;
    if (outcome === "ended") observer.ended();
    else observer.failed(outcome);
  }
}

/** Bytes as a piece. */
function copied(bytes: Uint8Array): Piece {
  const buffer = takeBuffer(bytes.length);
  buffer.set(bytes);
  return { buffer, start: 0, length: bytes.length };
}
