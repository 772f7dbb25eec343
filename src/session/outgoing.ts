import { giveBuffer } from "../net/buffer_pool.ts";
import type { Connection } from "../net/connection.ts";
import { FRAME_HEAD_LENGTH } from "../wire/frame.ts";
import type { Frames } from "./frames.ts";
import { ApplicationReader, type Piece } from "./application_reader.ts";
import type { Traffic } from "./relay.ts";

/** What an application may say before its session is confirmed, in bytes, if all of it is to be kept. */
const MAX_KEPT = 65_536;

/** A frame that may have to be sent again. */
interface Kept {
  readonly frame: Uint8Array;
  /** Whether it was sent already, on whichever association. */
  sent: boolean;
}

/**
 * What an application says, on its way into an association: DATA, and END when it half-closes.
 *
 * Until it is confirmed that the session has begun it can be kept, so that it can go to another association if the other
 * side does not take it on the first. It only reads from the application's connection.
 */
export class Outgoing {
  readonly #pieces: ApplicationReader;
  readonly #traffic: Traffic;
  /** The piece that is being read, or that nobody has taken yet: it outlives a pump that was superseded. */
  #next: Promise<Piece | null> | null = null;
  /** Where it goes now. */
  #frames: Frames | null = null;
  #kept: Kept[] | null;
  #keptLength = 0;
  /** Goes on with what was said beyond what is kept; there while somebody waits for that. */
  #goOn: (() => void) | null = null;

  /**
   * Reads nothing yet.
   *
   * @param application Nobody else may read from it.
   * @param traffic Counts what is sent.
   * @param keep Whether to keep what is said until {@linkcode Outgoing.confirm}.
   */
  constructor(application: Connection, traffic: Traffic, keep = false) {
    this.#pieces = new ApplicationReader(application);
    this.#traffic = traffic;
    this.#kept = keep ? [] : null;
  }

  /** Whether nothing of what the application said has been sent. */
  get unsaid(): boolean {
    return this.#keptLength === 0 && this.#traffic.sent === 0;
  }

  /** The session has begun: nothing needs to be kept any more. */
  confirm(): void {
    this.#kept = null;
    this.#goOn?.();
  }

  /**
   * Sends all that was kept, and then what the application says, until it half-closes. A later call, with another
   * association, supersedes this one, which then ends.
   *
   * @throws {ApplicationError} When reading from the application fails.
   * @throws When a channel failed.
   */
  async pump(frames: Frames): Promise<void> {
    this.#frames = frames;
    // A copy of each: sending writes into a frame's head.
    for (const kept of [...this.#kept ?? []]) {
      await frames.sendData(kept.frame.slice());
      this.#count(kept);
    }
    for (;;) {
      if (this.#kept !== null && this.#keptLength >= MAX_KEPT) await this.#confirmed();
      const piece = await (this.#next ??= this.#pieces.next());
      if (this.#frames !== frames) return;
      if (piece === null) return await frames.send((encoder) => encoder.end());
      this.#next = null;
      const { buffer, start, length, last } = piece;
      const end = start + FRAME_HEAD_LENGTH + length;
      const frame = buffer.subarray(start, end);
      const said: Kept = { frame: this.#kept === null ? frame : frame.slice(), sent: false };
      if (this.#kept !== null) {
        this.#kept.push(said);
        this.#keptLength += length;
      }
      if (last) await frames.sendLastData(buffer.subarray(start, end + FRAME_HEAD_LENGTH));
      else await frames.sendData(frame);
      this.#count(said);
      // Not given back after a failure: the operation that failed may still hold it.
      giveBuffer(buffer);
      if (last) return;
    }
  }

  /** Counts what was sent, once, however often it is sent again. */
  #count(kept: Kept): void {
    if (!kept.sent) this.#traffic.sent += kept.frame.length - FRAME_HEAD_LENGTH;
    kept.sent = true;
  }

  /** Waits for {@linkcode Outgoing.confirm}, along with whoever waits already. */
  #confirmed(): Promise<void> {
    const before = this.#goOn;
    return new Promise((resolve) =>
      this.#goOn = () => {
        before?.();
        resolve();
      }
    );
  }
}
