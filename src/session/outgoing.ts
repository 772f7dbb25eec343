import { giveBuffer, takeBuffer } from "../net/buffer_pool.ts";
import type { Connection } from "../net/connection.ts";
import type { Piece } from "../streams/piece.ts";
import type { Stream } from "../streams/stream.ts";
import { ApplicationReader } from "./application_reader.ts";
import type { Traffic } from "./traffic.ts";

/** Limit on the bytes to keep until the session is confirmed. */
const MAX_KEPT = 65_536;

/**
 * Sends an application's bytes into a stream, and half-closes it at the application's half-close.
 *
 * Can keep them until the session is confirmed, to send them again on another stream if the other side does not process the
 * OPEN on the first. Only reads from the application's connection.
 */
export class Outgoing {
  readonly #reader: ApplicationReader;
  readonly #traffic: Traffic;
  /** The piece being read or not yet sent; survives a superseded pump. */
  #next: Promise<Piece | null> | null = null;
  /** The current stream. */
  #stream: Stream | null = null;
  #kept: Uint8Array[] | null;
  #keptLength = 0;
  /** Resumes the pumps that wait for the confirmation. */
  #resume: (() => void) | null = null;

  /**
   * Reads nothing yet.
   *
   * @param application Nothing else may read from it.
   * @param traffic Counts the bytes sent.
   * @param keep Keeps the bytes until {@linkcode Outgoing.confirm}, up to 64 KiB and one piece.
   */
  constructor(application: Connection, traffic: Traffic, keep = false) {
    this.#reader = new ApplicationReader(application);
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
    this.#resume?.();
  }

  /**
   * Sends the kept bytes, and then the application's further bytes until it half-closes. A later call, with another stream,
   * supersedes this one, which then returns.
   *
   * @throws {ApplicationError} When reading from the application fails.
   * @throws When the stream fails.
   */
  async pump(stream: Stream): Promise<void> {
    this.#stream = stream;
    for (const bytes of [...this.#kept ?? []]) {
      const again = copied(bytes);
      await stream.send(again);
      giveBuffer(again.buffer);
    }
    for (;;) {
      if (this.#kept !== null && this.#keptLength >= MAX_KEPT) await this.#confirmed();
      const piece = await (this.#next ??= this.#reader.next());
      if (this.#stream !== stream) return;
      if (piece === null) return stream.end();
      this.#next = null;
      const { buffer, start, length } = piece;
      if (this.#kept !== null) {
        this.#kept.push(buffer.slice(start, start + length));
        this.#keptLength += length;
      }
      this.#traffic.sent += length;
      await stream.send(piece);
      // Not after a failure: the failed operation may still use the buffer.
      giveBuffer(buffer);
    }
  }

  /** Waits for {@linkcode Outgoing.confirm}, along with any superseded pump. */
  #confirmed(): Promise<void> {
    const before = this.#resume;
    return new Promise((resolve) =>
      this.#resume = () => {
        before?.();
        resolve();
      }
    );
  }
}

/** Bytes as a piece. */
function copied(bytes: Uint8Array): Piece {
  const buffer = takeBuffer(bytes.length);
  buffer.set(bytes);
  return { buffer, start: 0, length: bytes.length };
}
