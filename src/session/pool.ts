import type { Clock } from "../time/clock.ts";
import type { Frames } from "./frames.ts";

/** For how long after its last session an association is taken to be alive, in milliseconds. */
const LIVELY = 5000;

/** An association that serves no session at the moment. */
interface Idle {
  readonly frames: Frames;
  /** When it became idle. */
  readonly since: number;
  /** Stops waiting for its time-out. */
  readonly cancel: () => void;
}

/** An association that was idle. */
export interface Reused {
  /** Its frames. */
  readonly frames: Frames;
  /** Whether a session has just ended on it, or it may well have died since something was heard on it. */
  readonly state: "lively" | "stale";
}

/**
 * The idle associations to one server handler: a session that ends in order leaves its association to the next, so that
 * the handshake is not paid again (docs/PROTOCOL.md 5.4). It owns what it holds.
 */
export class Pool {
  readonly #idle: Idle[] = [];
  readonly #clock: Clock;
  readonly #timeout: number;
  #closed = false;

  /**
   * An empty pool.
   *
   * @param clock Tells when one is too old.
   * @param timeout How long an association is kept unused, in milliseconds.
   */
  constructor(clock: Clock, timeout: number) {
    this.#clock = clock;
    this.#timeout = timeout;
  }

  /** How many associations it holds. */
  get size(): number {
    return this.#idle.length;
  }

  /**
   * Takes the association that was used last: it is the likeliest to be alive, and the others get old and go.
   *
   * @returns null when there is none. Otherwise the caller owns it.
   */
  take(): Reused | null {
    for (let last = this.#idle.pop(); last !== undefined; last = this.#idle.pop()) {
      const { frames, since, cancel } = last;
      cancel();
      if (isOfUse(frames)) {
        const lively = frames.sent > 0 && this.#clock.now() - since < LIVELY;
        return { frames, state: lively ? "lively" : "stale" };
      }
      frames.association.end();
    }
    return null;
  }

  /** Keeps an association on which no session is under way, and owns it, until taken, too old, or no longer of use. */
  give(frames: Frames): void {
    if (this.#closed || !isOfUse(frames)) return frames.association.end();
    const since = this.#clock.now();
    const idle: Idle = { frames, since, cancel: this.#clock.after(this.#timeout, () => this.#drop(idle)) };
    this.#idle.push(idle);
    // Nothing may come now: whatever does, the end of a channel included, makes it useless. A session that has taken it
    // by then meets that by itself.
    const drop = () => this.#drop(idle);
    frames.peek().then(drop, drop);
  }

  /** Ends all it holds, and keeps nothing more. */
  close(): void {
    this.#closed = true;
    for (const idle of [...this.#idle]) this.#drop(idle);
  }

  #drop(idle: Idle): void {
    const at = this.#idle.indexOf(idle);
    if (at < 0) return;
    this.#idle.splice(at, 1);
    idle.cancel();
    idle.frames.association.end();
  }
}

/** Whether nothing is known that would keep a session from it; that a channel has failed is known before its stream fails. */
function isOfUse({ leaving, association }: Frames): boolean {
  return !leaving && !association.ended && association.failure === null;
}
