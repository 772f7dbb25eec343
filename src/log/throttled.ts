import type { Clock } from "../time/clock.ts";
import type { Log, LogFields } from "./log.ts";

/** How many lines an event usually may have before the rest of the interval is counted only. */
const LINES = 10;

/** In milliseconds. */
const INTERVAL_MS = 10_000;

/**
 * Writes at most so many lines of an event every ten seconds, and then one that says how many more there were: what a
 * stranger can cause must not fill a disk.
 */
export class Throttled {
  readonly #write: (fields: LogFields) => void;
  readonly #clock: Clock;
  readonly #lines: number;
  #written = 0;
  #suppressed = 0;

  /**
   * Nothing is written, and no timer set, until the event happens.
   *
   * @param write Writes a line of the event.
   * @param lines How many lines, at least one. Default: ten.
   */
  constructor(write: (fields: LogFields) => void, clock: Clock, lines: number = LINES) {
    this.#write = write;
    this.#clock = clock;
    this.#lines = lines;
  }

  /** The event has happened. */
  report(fields: LogFields): void {
    if (this.#written === 0) this.#clock.after(INTERVAL_MS, () => this.#next());
    if (++this.#written <= this.#lines) this.#write(fields);
    else this.#suppressed++;
  }

  #next(): void {
    if (this.#suppressed > 0) {
      this.#write({ "more-times": this.#suppressed, "seconds": INTERVAL_MS / 1000 });
    }
    this.#written = this.#suppressed = 0;
  }
}

/** {@linkcode Throttled} lines of level warn. */
export class ThrottledWarning extends Throttled {
  /** As for {@linkcode Throttled}. */
  constructor(log: Log, clock: Clock, event: string, lines: number = LINES) {
    super((fields) => log.warn(event, fields), clock, lines);
  }

  /** The event has happened. */
  warn(fields: LogFields): void {
    this.report(fields);
  }
}
