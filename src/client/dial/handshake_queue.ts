import { HandshakeTimeout, outcomeOf } from "../../association/outcome.ts";
import type { Clock } from "../../time/clock.ts";

/**
 * Maximum number of concurrent handshakes with one server handler. More gain nothing: on one core they slow each other down
 * until all of them time out. With a round trip of 100 ms, this many make about a hundred associations a second.
 */
export const MAX_HANDSHAKES = 32;

/** The limit while handshakes are slow. */
const MIN_HANDSHAKES = 4;

/** Fraction of the time-out beyond which a handshake counts as slow, so that the limit is lowered. */
const SLOW = 1 / 5;

/** Maximum retries after a time-out while other handshakes succeeded: a host is busy, rather than the path dead. */
const MAX_REPEATS = 3;

/**
 * Runs a bounded number of handshakes at once; others wait in order of arrival, and their time-outs start with them. The
 * session limit bounds the queue.
 */
export class HandshakeQueue {
  readonly #clock: Clock;
  readonly #timeout: () => number;
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  #underWay = 0;
  /** Current limit: one less after each slow handshake, one more after any other. */
  #limit = MAX_HANDSHAKES;
  /** Cancels the check for progress; null while the queue is empty. */
  #cancel: (() => void) | null = null;
  /** Number of completed handshakes, including those that turned out not to be needed. */
  #successes = 0;
  /** Last failure since the last success. */
  #failure: unknown = null;

  /**
   * Starts with an empty queue.
   *
   * @param timeout Returns the current time-out of a handshake, in milliseconds.
   */
  constructor(clock: Clock, timeout: () => number) {
    this.#clock = clock;
    this.#timeout = timeout;
  }

  /** Length of the queue. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Runs a handshake as soon as the limit permits.
   *
   * @throws What `handshake` throws; or, while queued, the last failure of another one, if none succeeds within the time-out
   * of a handshake.
   */
  async run<T>(handshake: () => Promise<T>): Promise<T> {
    for (let repeats = 0;; repeats++) {
      if (this.#underWay < this.#limit) this.#underWay++;
      else await this.#wait();
      const successes = this.#successes;
      try {
        return await this.#measure(handshake);
      } catch (error) {
        this.#failure = error;
        const isBusy = this.#successes > successes && outcomeOf(error) === "timed-out";
        if (!isBusy || repeats === MAX_REPEATS) throw error;
      } finally {
        this.#release();
      }
    }
  }

  async #measure<T>(handshake: () => Promise<T>): Promise<T> {
    const start = this.#clock.now();
    try {
      const result = await handshake();
      this.#successes++;
      this.#failure = null;
      if (this.#cancel !== null) this.#watch();
      return result;
    } finally {
      const slow = this.#clock.now() - start > SLOW * this.#timeout();
      this.#limit = slow ? Math.max(MIN_HANDSHAKES, this.#limit - 1) : Math.min(MAX_HANDSHAKES, this.#limit + 1);
    }
  }

  /** Admits the first in the queue beyond the limit: an association has become idle, so it needs no handshake. */
  offer(): void {
    const turn = this.#waiting.shift();
    if (turn === undefined) return;
    this.#underWay++;
    turn.resolve();
    if (this.#waiting.length === 0) this.#unwatch();
  }

  #wait(): Promise<void> {
    const turn = Promise.withResolvers<void>();
    if (this.#waiting.push(turn) === 1) this.#watch();
    return turn.promise;
  }

  /** Admits the first in the queue after a handshake has ended. */
  #release(): void {
    this.#underWay--;
    while (this.#waiting.length > 0 && this.#underWay < this.#limit) {
      this.#underWay++;
      this.#waiting.shift()!.resolve();
    }
    if (this.#waiting.length === 0) this.#unwatch();
  }

  /** Rejects the whole queue unless a handshake succeeds in time; otherwise a dead path would hold it for minutes. */
  #watch(): void {
    this.#unwatch();
    const timeout = this.#timeout();
    this.#cancel = this.#clock.after(timeout, () => {
      this.#cancel = null;
      const failure = this.#failure ?? new HandshakeTimeout(`no handshake has succeeded within ${timeout / 1000} s`);
      for (const turn of this.#waiting.splice(0)) turn.reject(failure);
    });
  }

  #unwatch(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
