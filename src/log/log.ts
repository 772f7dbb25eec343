/** What a log line may carry beside its event: plain values; undefined ones are left out. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** How grave a line is, least first. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** One of {@linkcode LOG_LEVELS}. */
export type LogLevel = typeof LOG_LEVELS[number];

/** What a handler can be told to write at least: `quiet` is `warn`, and the handler's own start, reload and end. */
export const LOG_THRESHOLDS = ["debug", "info", "quiet", "warn", "error"] as const;

/** One of {@linkcode LOG_THRESHOLDS}. */
export type LogThreshold = typeof LOG_THRESHOLDS[number];

/** The least level of lines about a handler's work. */
export function minimumLevel(threshold: LogThreshold): LogLevel {
  return threshold === "quiet" ? "warn" : threshold;
}

/** How lines are written: for people, or one JSON object a line. */
export type LogFormat = "text" | "json";

/** Writes structured lines. Never give it a secret, a share or a message byte. */
export interface Log {
  /** For who looks for a fault in MICSS itself. */
  debug(event: string, fields?: LogFields): void;
  /** What happened, as it should. */
  info(event: string, fields?: LogFields): void;
  /** What went wrong for one session or peer, or will go wrong soon. */
  warn(event: string, fields?: LogFields): void;
  /** What keeps the handler from its work. */
  error(event: string, fields?: LogFields): void;
  /** The same log, every line with `fields` added. */
  with(fields: LogFields): Log;
}

/** How {@linkcode createLog} writes. Level and format are looked at for each line: who keeps the object may change them. */
export interface LogOptions {
  /** Lines below it are dropped. Default: "info". */
  level?: LogLevel;
  /** Default: "text". */
  format?: LogFormat;
  /** Takes each line, without its newline. Must not block: see `line_queue.ts`. */
  write: (line: string) => void;
  /** The time of a line. Default: now. */
  now?: () => Date;
}

/**
 * Makes a log.
 *
 * A text line is `TIME LEVEL EVENT key=value ...`, values with spaces, quotes or control characters in JSON's quotes; a
 * JSON line has `time`, `level`, `event` and the fields.
 */
export function createLog(options: LogOptions): Log {
  const write: WriteEntry = (level, event, fields) => {
    const { format = "text", now = () => new Date() } = options;
    const entry = { time: now().toISOString(), level, event, ...fields };
    options.write(format === "json" ? toJson(entry) : textLine(entry));
  };
  return relayLog(() => options.level ?? "info", write);
}

/** Takes a line as it was given, all its fields put together. */
export type WriteEntry = (level: LogLevel, event: string, fields: LogFields) => void;

/**
 * Makes a log whose lines go elsewhere as they are given.
 *
 * @param level Lines below it are dropped; asked for each line.
 */
export function relayLog(level: () => LogLevel, write: WriteEntry): Log {
  return new Lines({ level, write }, null, {});
}

/** The fields that a line has beside its own: those that {@linkcode Log.with} added one after the other. */
interface Bound {
  /** Those before. */
  readonly outer: Bound | null;
  /** Those that come last. */
  readonly fields: LogFields;
}

/** All of them in one object. */
function fieldsOf({ outer, fields }: Bound): LogFields {
  return outer === null ? fields : { ...fieldsOf(outer), ...fields };
}

/**
 * Every session keeps some of these. A class has its methods once, where closures would be made for each; and fields that were
 * put together would take four times as much as what they were given as.
 */
class Lines implements Log, Bound {
  readonly #to: { readonly level: () => LogLevel; readonly write: WriteEntry };
  readonly outer: Bound | null;
  readonly fields: LogFields;

  constructor(to: { level: () => LogLevel; write: WriteEntry }, outer: Bound | null, fields: LogFields) {
    this.#to = to;
    this.outer = outer;
    this.fields = fields;
  }

  debug(event: string, fields?: LogFields): void {
    this.#write("debug", event, fields);
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
    return new Lines(this.#to, this, fields);
  }

  #write(line: LogLevel, event: string, fields?: LogFields): void {
    const { level, write } = this.#to;
    if (LOG_LEVELS.indexOf(line) >= LOG_LEVELS.indexOf(level())) write(line, event, { ...fieldsOf(this), ...fields });
  }
}

/** A log that writes nothing. */
export const silentLog: Log = createLog({ write: () => {} });

function textLine({ time, level, event, ...fields }: { time: string; level: string; event: string }): string {
  const pairs = Object.entries<LogFields[string]>(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${quoteIfNeeded(String(value))}`);
  return `${time} ${level.padEnd(5)} ${event}${pairs.join("")}`;
}

function quoteIfNeeded(value: string): string {
  return /^[^\s"=\p{Cc}]+$/u.test(value) ? value : toJson(value);
}

/** JSON without the control characters and line separators that JSON lets be, but terminals and viewers act on. */
function toJson(value: unknown): string {
  return JSON.stringify(value).replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
