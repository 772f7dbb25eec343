import { type Bound, fieldsOf, type Log, type LogFields, type LogLevel } from "./log.ts";

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
  readonly #events: Event[] = [];
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
    return this.#events.filter((event) => event.number > number);
  }

  /** A log that writes to `log`, and keeps its lines here. */
  of(log: Log): Log {
    return new Kept(log, null, {}, (level, event, fields) => this.#keep(level, event, fields));
  }

  #keep(level: LogLevel, event: string, fields: LogFields): void {
    this.#events.push({ number: ++this.#number, time: this.#now().toISOString(), level, event, fields });
    if (this.#events.length > this.#most) this.#events.shift();
  }
}

type Keep = (level: LogLevel, event: string, fields: LogFields) => void;

/** A log whose lines are kept. */
class Kept implements Log, Bound {
  readonly #log: Log;
  readonly outer: Bound | null;
  readonly fields: LogFields;
  readonly #keep: Keep;

  constructor(log: Log, outer: Bound | null, fields: LogFields, keep: Keep) {
    this.#log = log;
    this.outer = outer;
    this.fields = fields;
    this.#keep = keep;
  }

  debug(event: string, fields?: LogFields): void {
    this.#log.debug(event, fields);
  }

  info(event: string, fields?: LogFields): void {
    this.#write("info", event, fields);
  }

  warn(event: string, fields?: LogFields): void {
    this.#write("warn", event, fields);
  }

  error(event: string, fields?: LogFields): void {
    this.#write("error", event, fields);
  }

  with(fields: LogFields): Log {
    return new Kept(this.#log.with(fields), this, fields, this.#keep);
  }

  #write(level: "info" | "warn" | "error", event: string, fields?: LogFields): void {
    this.#log[level](event, fields);
    this.#keep(level, event, { ...fieldsOf(this), ...fields });
  }
}
