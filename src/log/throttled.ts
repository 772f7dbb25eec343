import type { Clock } from "../time/clock.ts";
import type { Log, LogFields } from "./log.ts";

/** Default number of lines per interval; the rest is only counted. */
const MAX_LINES = 10;

/** Length of an interval, in milliseconds. */
const INTERVAL_MS = 10_000;

/**
 * Limits the lines of an event to a number per ten seconds, followed by a line with the number of suppressed ones: events
 * that a stranger can cause must not fill a disk.
 */
export class Throttled {
  readonly #write: (fields: LogFields) => void;
  readonly #clock: Clock;
  readonly #lines: number;
  #written = 0;
  #suppressed = 0;

  /**
   * Starts idle: the first event sets a timer.
   *
   * @param write Writes a line of the event.
   * @param lines Maximum number of lines, at least 1. Default: 10.
   */
  constructor(write: (fields: LogFields) => void, clock: Clock, lines: number = MAX_LINES) {
    this.#write = write;
    this.#clock = clock;
    this.#lines = lines;
  }

  /** Reports an occurrence of the event. */
  report(fields: LogFields): void {
    if (this.#written === 0) this.#clock.after(INTERVAL_MS, () => this.#endInterval());
    if (++this.#written <= this.#lines) this.#write(fields);
    else this.#suppressed++;
  }

  #endInterval(): void {
    if (this.#suppressed > 0) {
      this.#write({ "more-times": this.#suppressed, "seconds": INTERVAL_MS / 1000 });
    }
    this.#written = this.#suppressed = 0;
  }
}

/** {@linkcode Throttled} lines of level warn. */
export class ThrottledWarning extends Throttled {
  /** See {@linkcode Throttled}. */
  constructor(log: Log, clock: Clock, event: string, lines: number = MAX_LINES) {
    super((fields) => log.warn(event, fields), clock, lines);
  }

  /** Reports an occurrence of the event. */
  warn(fields: LogFields): void {
    this.report(fields);
  }
}
