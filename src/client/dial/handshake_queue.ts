import { HandshakeTimeout, outcomeOf } from "../../association/outcome.ts";
import type { Clock } from "../../time/clock.ts";

/**
 * Handshakes under way at once with one server handler. A burst of more gains nothing: on one core they would slow each
 * other down until all of them time out. Over a round trip of 100 ms this many make about a hundred associations a second.
 */
export const MAX_HANDSHAKES = 32;

/** The same where they are slow. */
const MIN_HANDSHAKES = 4;

/** A handshake is slow that takes more than this part of its time-out: more at once would only slow each other down. */
const SLOW = 1 / 5;

/** How often one is repeated that timed out while others succeeded: this machine or the other is busy, not the path dead. */
const MAX_REPEATS = 3;

/**
 * Lets a bounded number of handshakes run at once; others wait in the order of their arrival, and the time-out of each
 * counts from its own start. Those that wait are bounded by the number of sessions.
 */
export class HandshakeQueue {
  readonly #clock: Clock;
  readonly #timeouts: { readonly handshake: number };
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  #underWay = 0;
  /** How many may be under way: one fewer after each that was slow, one more after each that was not. */
  #most = MAX_HANDSHAKES;
  /** Cancels the check that handshakes succeed; there while some wait. */
  #cancel: (() => void) | null = null;
  /** How many have succeeded, or needed no handshake in the end. */
  #successes = 0;
  /** The last failure since a handshake succeeded. */
  #failure: unknown = null;

  /**
   * An empty queue.
   *
   * @param timeouts Read whenever the wait begins.
   */
  constructor(clock: Clock, timeouts: { readonly handshake: number }) {
    this.#clock = clock;
    this.#timeouts = timeouts;
  }

  /** How many wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Runs a handshake as soon as few enough are under way.
   *
   * @throws What `handshake` throws; or, while it waits, the last failure of another one, once none has succeeded for as
   * long as one may take.
   */
  async run<T>(handshake: () => Promise<T>): Promise<T> {
    for (let repeats = 0;; repeats++) {
      if (this.#underWay < this.#most) this.#underWay++;
      else await this.#turn();
      const before = this.#successes;
      try {
        return await this.#timed(handshake);
      } catch (error) {
        this.#failure = error;
        const inVain = this.#successes === before || outcomeOf(error) !== "timed-out";
        if (inVain || repeats === MAX_REPEATS) throw error;
      } finally {
        this.#next();
      }
    }
  }

  async #timed<T>(handshake: () => Promise<T>): Promise<T> {
    const began = this.#clock.now();
    try {
      const result = await handshake();
      this.#successes++;
      this.#failure = null;
      if (this.#cancel !== null) this.#watch();
      return result;
    } finally {
      const slow = this.#clock.now() - began > SLOW * this.#timeouts.handshake;
      this.#most = slow ? Math.max(MIN_HANDSHAKES, this.#most - 1) : Math.min(MAX_HANDSHAKES, this.#most + 1);
    }
  }

  /** Lets the one that has waited longest go on at once: an association has become idle, so it need not associate. */
  offer(): void {
    const turn = this.#waiting.shift();
    if (turn === undefined) return;
    this.#underWay++;
    turn.resolve();
    if (this.#waiting.length === 0) this.#unwatch();
  }

  #turn(): Promise<void> {
    const turn = Promise.withResolvers<void>();
    if (this.#waiting.push(turn) === 1) this.#watch();
    return turn.promise;
  }

  /** Gives the place of a handshake that is over to those that have waited longest. */
  #next(): void {
    this.#underWay--;
    while (this.#waiting.length > 0 && this.#underWay < this.#most) {
      this.#underWay++;
      this.#waiting.shift()!.resolve();
    }
    if (this.#waiting.length === 0) this.#unwatch();
  }

  /** Fails all that wait unless a handshake succeeds in time: without a bound, a dead path would keep them for minutes. */
  #watch(): void {
    this.#unwatch();
    const { handshake } = this.#timeouts;
    this.#cancel = this.#clock.after(handshake, () => {
      this.#cancel = null;
      const failure = this.#failure ?? new HandshakeTimeout(`no handshake has succeeded within ${handshake / 1000} s`);
      for (const turn of this.#waiting.splice(0)) turn.reject(failure);
    });
  }

  #unwatch(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
