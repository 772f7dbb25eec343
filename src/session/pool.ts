import type { Clock } from "../time/clock.ts";
import type { Frames } from "./frames.ts";

/** Time after its last session for which an association is assumed to be alive, in milliseconds. */
const FRESH_FOR = 5000;

interface Idle {
  readonly frames: Frames;
  /** Time when it became idle. */
  readonly since: number;
  /** Cancels its time-out. */
  readonly cancel: () => void;
}

/** An association taken from the pool. */
export interface Reused {
  /** The association's frames. */
  readonly frames: Frames;
  /** `fresh` if its last session has just ended; `stale` if it may have died since. */
  readonly state: "fresh" | "stale";
}

/**
 * The idle associations with one server handler: a session that ends in order leaves its association to the next, which
 * saves another handshake (docs/PROTOCOL.md 5.4). Owns the associations it holds.
 */
export class Pool {
  readonly #idle: Idle[] = [];
  readonly #clock: Clock;
  readonly #timeout: number;
  #closed = false;

  /**
   * Creates an empty pool.
   *
   * @param timeout Time after which an unused association is ended, in milliseconds.
   */
  constructor(clock: Clock, timeout: number) {
    this.#clock = clock;
    this.#timeout = timeout;
  }

  /** Number of idle associations. */
  get size(): number {
    return this.#idle.length;
  }

  /**
   * Takes the most recently used association: it is the likeliest to be alive, and the others can time out.
   *
   * @returns Null if the pool is empty. Otherwise the caller owns the association.
   */
  take(): Reused | null {
    for (let last = this.#idle.pop(); last !== undefined; last = this.#idle.pop()) {
      const { frames, since, cancel } = last;
      cancel();
      if (isUsable(frames)) {
        const fresh = frames.sent > 0 && this.#clock.now() - since < FRESH_FOR;
        return { frames, state: fresh ? "fresh" : "stale" };
      }
      frames.association.end();
    }
    return null;
  }

  /** Takes over an association without a session, and keeps it until taken, timed out or unusable. */
  give(frames: Frames): void {
    if (this.#closed || !isUsable(frames)) return frames.association.end();
    const since = this.#clock.now();
    const idle: Idle = { frames, since, cancel: this.#clock.after(this.#timeout, () => this.#drop(idle)) };
    this.#idle.push(idle);
    // Anything that arrives now, even the end of a channel, makes the association unusable. A session that has taken it
    // by then notices by itself.
    const drop = () => this.#drop(idle);
    frames.peek().then(drop, drop);
  }

  /** Ends every idle association, and those given back later. */
  close(): void {
    this.#closed = true;
    for (const idle of [...this.#idle]) this.#drop(idle);
  }

  #drop(idle: Idle): void {
    const index = this.#idle.indexOf(idle);
    if (index < 0) return;
    this.#idle.splice(index, 1);
    idle.cancel();
    idle.frames.association.end();
  }
}

/** True if nothing is known to be wrong. A channel's failure is known before the stream fails. */
function isUsable({ leaving, association }: Frames): boolean {
  return !leaving && !association.ended && association.failure === null;
}
