import { type Log, type LogFields, type LogLevel, relayLog } from "./log.ts";

/** A log line, as {@linkcode Log} was given it. */
export interface Event {
  /** Which one it is: 1, 2, and so on. */
  readonly number: number;
  /** When it was written, in ISO 8601. */
  readonly time: string;
  /** How grave it is. */
  readonly level: LogLevel;
  /** What happened. */
  readonly event: string;
  /** The rest. */
  readonly fields: LogFields;
}

/** The last log lines, but for those of level debug. There is no secret among them: a log is never given one. */
export class Recent {
  readonly #most: number;
  readonly #now: () => Date;
  /** The time of each is put in words for who asks. */
  readonly #events: (Omit<Event, "time"> & { readonly time: Date })[] = [];
  #number = 0;

  /**
   * No line yet.
   *
   * @param most How many are kept.
   */
  constructor(most = 100, now: () => Date = () => new Date()) {
    this.#most = most;
    this.#now = now;
  }

  /** Those with a higher number, the oldest first. */
  after(number = 0): Event[] {
    return this.#events.filter((event) => event.number > number)
      .map((event) => ({ ...event, time: event.time.toISOString() }));
  }

  /** A log that writes to `log`, and keeps its lines here. */
  of(log: Log): Log {
    return relayLog(() => "debug", (level, event, fields) => {
      log[level](event, fields);
      if (level !== "debug") this.#keep(level, event, fields);
    });
  }

  #keep(level: LogLevel, event: string, fields: LogFields): void {
    this.#events.push({ number: ++this.#number, time: this.#now(), level, event, fields });
    if (this.#events.length > this.#most) this.#events.shift();
  }
}
