import type { Clock } from "../../time/clock.ts";
import type { Multiplexer } from "../../streams/multiplexer.ts";

/** Time after its last record for which an association is assumed to be alive, in milliseconds. */
const FRESH_FOR = 5000;

/** An association in the pool. */
export interface Pooled {
  /** The association's streams. */
  readonly multiplexer: Multiplexer;
  /** The server handler's worker. */
  readonly worker: number;
  /** {@linkcode WorkerBalancer.starts} when it was made. */
  readonly start: number;
}

/** The associations with one server handler: each serves sessions until it ends. Owns them. */
export class Pool {
  readonly #clock: Clock;
  readonly #timeout: () => number;
  /** Oldest first, each with the function that cancels its time-out. */
  readonly #pooled = new Map<Pooled, () => void>();
  #closed = false;

  /**
   * Creates an empty pool.
   *
   * @param timeout Returns the time after which an association without a stream is ended, in milliseconds.
   */
  constructor(clock: Clock, timeout: () => number) {
    this.#clock = clock;
    this.#timeout = timeout;
  }

  /** Number of associations. */
  get size(): number {
    return this.#pooled.size;
  }

  /** Number of associations without a stream. */
  get idle(): number {
    let count = 0;
    for (const { multiplexer } of this.#pooled.keys()) if (multiplexer.size === 0) count++;
    return count;
  }

  /** Takes ownership of an association until it ends. */
  add(pooled: Pooled): void {
    const { multiplexer } = pooled;
    if (this.#closed) return void multiplexer.end();
    this.#pooled.set(pooled, () => {});
    this.changed(pooled);
    multiplexer.association.over.then(() => {
      this.#pooled.get(pooled)!();
      this.#pooled.delete(pooled);
    });
  }

  /** Notes that an association's first stream has opened, or that its last is over. */
  changed(pooled: Pooled): void {
    const { multiplexer } = pooled, cancel = this.#pooled.get(pooled);
    cancel?.();
    if (cancel === undefined || multiplexer.size > 0) return;
    if (multiplexer.leaving) return void multiplexer.end();
    this.#pooled.set(pooled, this.#clock.after(this.#timeout(), () => void multiplexer.end()));
  }

  /** An association without a stream, the most recently made first; null if there is none. */
  takeIdle(): Pooled | null {
    return [...this.#pooled.keys()].findLast(({ multiplexer }) => multiplexer.usable && multiplexer.size === 0) ?? null;
  }

  /**
   * The association for a session that shares it: the first that no bulk flow fills, of the worker with the fewest streams, so
   * that sessions leave together and the other associations can time out.
   *
   * @param filled Accepts those that a bulk flow fills, and prefers the one with the fewest streams.
   */
  takeShared(filled = false): Pooled | null {
    // Of each worker.
    const chosen: Pooled[] = [];
    for (const pooled of this.#pooled.keys()) {
      const { worker, multiplexer } = pooled;
      if (!multiplexer.usable || !filled && multiplexer.filled) continue;
      const at = chosen.findIndex((other) => other.worker === worker);
      if (at < 0) chosen.push(pooled);
      else if (filled && multiplexer.size < chosen[at]!.multiplexer.size) chosen[at] = pooled;
    }
    let [best = null] = chosen;
    for (const pooled of chosen) if (pooled.multiplexer.size < best!.multiplexer.size) best = pooled;
    return best;
  }

  /** Number of associations that can take a new session at once. @param shared True for sessions that share them. */
  ready(shared: boolean): number {
    let count = 0;
    for (const { multiplexer } of this.#pooled.keys()) {
      if (multiplexer.usable && (shared ? !multiplexer.filled : multiplexer.size === 0)) count++;
    }
    return count;
  }

  /** True if an association is likely to be alive. */
  isFresh({ multiplexer }: Pooled): boolean {
    return this.#clock.now() - multiplexer.heardAt < FRESH_FOR;
  }

  /** Ends every association without a stream, and aborts the others. */
  close(): void {
    this.#closed = true;
    for (const { multiplexer } of [...this.#pooled.keys()]) {
      if (multiplexer.size === 0) void multiplexer.end();
      else multiplexer.association.abort();
    }
  }
}
