/** Fields of a log line besides its event: plain values; undefined ones are omitted. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Severities, in ascending order. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** One of {@linkcode LOG_LEVELS}. */
export type LogLevel = typeof LOG_LEVELS[number];

/** Minimum levels to choose from: `quiet` is `warn` plus the handler's own start, reload and end. */
export const LOG_THRESHOLDS = ["debug", "info", "quiet", "warn", "error"] as const;

/** One of {@linkcode LOG_THRESHOLDS}. */
export type LogThreshold = typeof LOG_THRESHOLDS[number];

/** Minimum level for lines about a handler's work. */
export function minimumLevel(threshold: LogThreshold): LogLevel {
  return threshold === "quiet" ? "warn" : threshold;
}

/** Format of lines: text for people, or a JSON object each. */
export type LogFormat = "text" | "json";

/** Writes structured lines. Never pass it a secret, a share or a message byte. */
export interface Log {
  /** Details for finding a bug in MICSS itself. */
  debug(event: string, fields?: LogFields): void;
  /** Normal operation. */
  info(event: string, fields?: LogFields): void;
  /** A failure of a single session or peer, or one that is imminent. */
  warn(event: string, fields?: LogFields): void;
  /** A failure that keeps the handler from working. */
  error(event: string, fields?: LogFields): void;
  /** Derives a log that adds `fields` to every line. */
  with(fields: LogFields): Log;
}

/** Options of {@linkcode createLog}. */
export interface LogOptions {
  /** Minimum level. Default: "info". */
  level?: LogLevel;
  /** Default: "text". */
  format?: LogFormat;
  /** Writes a line, given without its newline. Must not block: see `line_queue.ts`. */
  write: (line: string) => void;
  /** Time of a line. Default: the current time. */
  now?: () => Date;
}

/**
 * Creates a log.
 *
 * A text line is `TIME LEVEL EVENT key=value ...`; values with spaces, quotes or control characters are JSON strings. A JSON
 * line has `time`, `level`, `event` and the fields.
 */
export function createLog(
  { level: minimum = "info", format = "text", write, now = () => new Date() }: LogOptions,
): Log {
  return relayLog(() => minimum, (...entry) => write(formatLine(format, entry, now())));
}

/** Formats a line, without a newline; see {@linkcode createLog}. */
export function formatLine(
  format: LogFormat,
  [level, event, fields]: Parameters<WriteEntry>,
  time: Date = new Date(),
): string {
  return format === "json"
    ? toJson({ time: time.toISOString(), level, event, ...fields })
    : textLine(time, level, event, fields);
}

/** Receives an unformatted line with all of its fields. */
export type WriteEntry = (level: LogLevel, event: string, fields: LogFields) => void;

/**
 * Creates a log that passes lines on unformatted.
 *
 * @param level Returns the minimum level; called for each line.
 */
export function relayLog(level: () => LogLevel, write: WriteEntry): Log {
  return new Lines({ level, write }, null, {});
}

/** A chain of the fields that {@linkcode Log.with} added. */
interface Bound {
  /** Fields added earlier. */
  readonly outer: Bound | null;
  /** Fields added last, which win. */
  readonly fields: LogFields;
}

function fieldsOf({ outer, fields }: Bound): LogFields {
  return outer === null ? fields : { ...fieldsOf(outer), ...fields };
}

/**
 * A class and a chain of fields to save memory, since every session holds several logs: closures would be created for each,
 * and merged fields take four times the memory.
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

function textLine(time: Date, level: LogLevel, event: string, fields: LogFields): string {
  let line = `${time.toISOString()} ${level.padEnd(5)} ${event}`;
  for (const key in fields) {
    const value = fields[key];
    if (value !== undefined) line += ` ${key}=${typeof value === "string" ? quoteIfNeeded(value) : value}`;
  }
  return line;
}

function quoteIfNeeded(value: string): string {
  return /^[^\s"=\p{Cc}]+$/u.test(value) ? value : toJson(value);
}

/** JSON that also escapes control characters and line separators that JSON allows but terminals and viewers interpret. */
function toJson(value: unknown): string {
  return JSON.stringify(value).replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
