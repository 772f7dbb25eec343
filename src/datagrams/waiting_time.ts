import type { Clock } from "../time/clock.ts";

/** Time between two ticks, in milliseconds. */
const TICK = 50;

/**
 * The time that shares have waited by. It does not count while the process gets no turn, because the others of a datagram
 * may have arrived meanwhile without being read: a host that was busy elsewhere for a moment loses nothing by that.
 */
export class WaitingTime {
  readonly #clock: Clock;
  /** When the next tick is due, in milliseconds of the clock. */
  #due = Infinity;
  /** Milliseconds that did not count. */
  #stood = 0;

  /** Creates a time that is the clock's at first. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True while it ticks. */
  get ticks(): boolean {
    return this.#due !== Infinity;
  }

  /** The time in milliseconds, which never goes back. @param now The clock's. */
  at(now: number): number {
    if (now > this.#due) {
      this.#stood += now - this.#due;
      this.#due = now;
    }
    return now - this.#stood;
  }

  /** Ticks until `again` returns false; does not count more than a tick's time from one to the next. @param again Gets the time. */
  tick(again: (time: number) => boolean): void {
    this.#due = this.#clock.now() + TICK;
    this.#clock.after(TICK, () => {
      const time = this.at(this.#clock.now());
      this.#due = Infinity;
      if (again(time)) this.tick(again);
    });
  }
}
