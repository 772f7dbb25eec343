import { type Log, type LogFields, type LogLevel, relayLog } from "./log.ts";

/** An unformatted log line. */
export interface Event {
  /** Number of the line, from 1. */
  readonly number: number;
  /** Time of the line, in ISO 8601. */
  readonly time: string;
  /** Severity. */
  readonly level: LogLevel;
  /** Text of the event. */
  readonly event: string;
  /** All other fields. */
  readonly fields: LogFields;
}

/**
 * The last log lines of each level except debug, kept per level so that frequent lines don't evict more severe ones.
 * Contains no secrets, as logs never do.
 */
export class Recent {
  readonly #limit: number;
  readonly #now: () => Date;
  /** By level, the oldest first. Times are formatted on request only. */
  readonly #events = new Map<LogLevel, (Omit<Event, "time"> & { readonly time: Date })[]>();
  #number = 0;

  /**
   * Starts empty.
   *
   * @param limit Number of lines kept per level.
   */
  constructor(limit = 100, now: () => Date = () => new Date()) {
    this.#limit = limit;
    this.#now = now;
  }

  /** Lines with a number above `number`, the oldest first. */
  after(number = 0): Event[] {
    return [...this.#events.values()].flat()
      .filter((event) => event.number > number)
      .toSorted((one, other) => one.number - other.number)
      .map((event) => ({ ...event, time: event.time.toISOString() }));
  }

  /** Wraps a log to keep its lines here, too. */
  of(log: Log): Log {
    return relayLog(() => "debug", (level, event, fields) => {
      log[level](event, fields);
      if (level !== "debug") this.#keep(level, event, fields);
    });
  }

  #keep(level: LogLevel, event: string, fields: LogFields): void {
    const same = this.#events.get(level) ?? [];
    this.#events.set(level, same);
    same.push({ number: ++this.#number, time: this.#now(), level, event, fields });
    if (same.length > this.#limit) same.shift();
  }
}
