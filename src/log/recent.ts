import { type Log, type LogFields, type LogLevel, relayLog } from "./log.ts";

/** A log line, as {@linkcode Log} was given it. */
export interface Event {
  /** Number of the line, from 1. */
  readonly number: number;
  /** Time of writing, in ISO 8601. */
  readonly time: string;
  /** Level. */
  readonly level: LogLevel;
  /** Event. */
  readonly event: string;
  /** Other fields. */
  readonly fields: LogFields;
}

/**
 * The last log lines of each level but debug, so that many lines of one level push out none of a graver one. Contains no
 * secrets: a log is never given one.
 */
export class Recent {
  readonly #limit: number;
  readonly #now: () => Date;
  /** By level, the oldest first. Times are formatted only when asked for. */
  readonly #events = new Map<LogLevel, (Omit<Event, "time"> & { readonly time: Date })[]>();
  #number = 0;

  /**
   * Starts empty.
   *
   * @param limit Lines to keep of each level.
   */
  constructor(limit = 100, now: () => Date = () => new Date()) {
    this.#limit = limit;
    this.#now = now;
  }

  /** The lines with a higher number, the oldest first. */
  after(number = 0): Event[] {
    return [...this.#events.values()].flat()
      .filter((event) => event.number > number)
      .toSorted((one, other) => one.number - other.number)
      .map((event) => ({ ...event, time: event.time.toISOString() }));
  }

  /** A log that writes to `log` and keeps its lines here. */
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
