import type { Clock } from "../net/clock.ts";
import type { Log, LogFields } from "./log.ts";

/** How many lines an event usually may have before the rest of the interval is counted only. */
const LINES = 10;

/** In milliseconds. */
const INTERVAL = 10_000;

/**
 * Writes at most so many lines of an event every ten seconds, and then one that says how many more there were: what a
 * stranger can cause must not fill a disk.
 */
export class ThrottledWarning {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #event: string;
  readonly #lines: number;
  #written = 0;
  #suppressed = 0;

  /**
   * Nothing is written, and no timer set, until the event happens.
   *
   * @param lines How many lines, at least one. Default: ten.
   */
  constructor(log: Log, clock: Clock, event: string, lines: number = LINES) {
    this.#lines = lines;
    this.#log = log;
    this.#clock = clock;
    this.#event = event;
  }

  /** The event has happened. */
  warn(fields: LogFields): void {
    if (this.#written === 0) this.#clock.after(INTERVAL, () => this.#next());
    if (++this.#written <= this.#lines) this.#log.warn(this.#event, fields);
    else this.#suppressed++;
  }

  #next(): void {
    if (this.#suppressed > 0) {
      this.#log.warn(this.#event, { "more-times": this.#suppressed, "seconds": INTERVAL / 1000 });
    }
    this.#written = this.#suppressed = 0;
  }
}
