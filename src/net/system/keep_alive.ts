import { systemClock } from "../../time/clock.ts";

/** Time until a connection gets its keep-alive times, in milliseconds. */
const DELAY = 1000;

/**
 * Connections that are to get keep-alive times of their own. They get them together and a little late: finding the
 * descriptor of a dialled connection may take a search through all files, of which one then serves all, and most
 * connections have ended by then. With a search for each, a short session took 950 us of both handlers' CPU time rather
 * than 730 to 840 (50 at once, Deno 2.9.6).
 */
class KeepAliveQueue {
  readonly #waiting = new Map<object, () => void>();
  #cancel: (() => void) | null = null;

  /** Calls `apply` after the delay, unless the connection is removed first. */
  add(connection: object, apply: () => void): void {
    this.#waiting.set(connection, apply);
    this.#cancel ??= systemClock.after(DELAY, () => this.#applyAll());
  }

  /** Forgets a connection, which has ended. */
  remove(connection: object): void {
    if (!this.#waiting.delete(connection) || this.#waiting.size > 0) return;
    this.#cancel?.();
    this.#cancel = null;
  }

  #applyAll(): void {
    this.#cancel = null;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const apply of waiting) apply();
  }
}

/** The queue of this thread's connections. */
export const keepAliveQueue: KeepAliveQueue = new KeepAliveQueue();
