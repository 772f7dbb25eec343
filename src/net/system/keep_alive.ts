import { List, type Place } from "../../collections/list.ts";
import { systemClock } from "../../time/clock.ts";

/** A connection's place in the queue. */
export type KeepAlivePlace = Place<() => void>;

/** Time until a connection gets its keep-alive times, in milliseconds. */
const DELAY = 1000;

/**
 * Connections that are to get keep-alive times of their own. They get them together and a little late: finding the
 * descriptor of a dialled connection may take a search through all files, of which one then serves all, and most
 * connections have ended by then. With a search for each, a short session took 950 us of both handlers' CPU time rather
 * than 730 to 840 (50 at once, Deno 2.9.6).
 */
class KeepAliveQueue {
  readonly #waiting = new List<() => void>();
  #cancel: (() => void) | null = null;

  /** Calls `apply` for a connection after the delay, unless it is removed first. @returns Its place. */
  add(apply: () => void): KeepAlivePlace {
    this.#cancel ??= systemClock.after(DELAY, () => this.#applyAll());
    return this.#waiting.add(apply);
  }

  /** Forgets a connection, which has ended; harmless if it was removed, or `apply` called. */
  remove(place: KeepAlivePlace): void {
    if (!this.#waiting.remove(place) || this.#waiting.size > 0) return;
    this.#cancel?.();
    this.#cancel = null;
  }

  #applyAll(): void {
    this.#cancel = null;
    for (let apply = this.#waiting.oldest; apply !== undefined; apply = this.#waiting.oldest) {
      this.#waiting.removeOldest();
      apply();
    }
  }
}

/** The queue of this thread's connections. */
export const keepAliveQueue: KeepAliveQueue = new KeepAliveQueue();
