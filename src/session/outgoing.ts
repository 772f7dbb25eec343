import { giveBuffer } from "../net/buffer_pool.ts";
import type { Connection } from "../net/connection.ts";
import { FRAME_HEAD_LENGTH } from "../wire/frame.ts";
import type { Frames } from "./frames.ts";
import { ApplicationReader, type Piece } from "./application_reader.ts";
import type { Traffic } from "./relay.ts";

/** Limit on the bytes to keep until the session is confirmed. */
const MAX_KEPT = 65_536;

/** A frame that may have to be resent. */
interface Kept {
  readonly frame: Uint8Array;
  /** True once it was sent on any association. */
  sent: boolean;
}

/**
 * Sends an application's bytes into an association: DATA, and END at its half-close.
 *
 * Can keep them until the session is confirmed, to resend them on another association if the other side does not process
 * the OPEN on the first. Only reads from the application's connection.
 */
export class Outgoing {
  readonly #reader: ApplicationReader;
  readonly #traffic: Traffic;
  /** The piece being read or not yet sent; survives a superseded pump. */
  #next: Promise<Piece | null> | null = null;
  /** The current association's. */
  #frames: Frames | null = null;
  #kept: Kept[] | null;
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
    return this.#keptLength === 0 && this.#traffic.sent === 0;
  }

  /** Stops keeping bytes: the session has begun. */
  confirm(): void {
    this.#kept = null;
    this.#resume?.();
  }

  /**
   * Sends the kept bytes, and then the application's further bytes until it half-closes. A later call, with another
   * association, supersedes this one, which then returns.
   *
   * @throws {ApplicationError} When reading from the application fails.
   * @throws When a channel failed.
   */
  async pump(frames: Frames): Promise<void> {
    this.#frames = frames;
    // Copies each: sending writes into a frame's head.
    for (const kept of [...this.#kept ?? []]) {
      await frames.sendData(kept.frame.slice());
      this.#count(kept);
    }
    for (;;) {
      if (this.#kept !== null && this.#keptLength >= MAX_KEPT) await this.#confirmed();
      const piece = await (this.#next ??= this.#reader.next());
      if (this.#frames !== frames) return;
      if (piece === null) return await frames.send((encoder) => encoder.end());
      this.#next = null;
      const { buffer, start, length, last } = piece;
      const end = start + FRAME_HEAD_LENGTH + length;
      const frame = buffer.subarray(start, end);
      const kept: Kept = { frame: this.#kept === null ? frame : frame.slice(), sent: false };
      if (this.#kept !== null) {
        this.#kept.push(kept);
        this.#keptLength += length;
      }
      if (last) await frames.sendLastData(buffer.subarray(start, end + FRAME_HEAD_LENGTH));
      else await frames.sendData(frame);
      this.#count(kept);
      // Not after a failure: the failed operation may still use the buffer.
      giveBuffer(buffer);
      if (last) return;
    }
  }

  /** Counts a frame when first sent, but not when resent. */
  #count(kept: Kept): void {
    if (!kept.sent) this.#traffic.sent += kept.frame.length - FRAME_HEAD_LENGTH;
    kept.sent = true;
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
