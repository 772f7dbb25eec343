/** Options of a {@linkcode MicssError}. */
export interface MicssErrorOptions extends ErrorOptions {
  /** Suggests a remedy, without a full stop. */
  readonly hint?: string;
}

/** Base of the project's errors: named after its class, with a remedy where there is one. */
export class MicssError extends Error {
  /** Suggests a remedy, without a full stop, if there is one. */
  readonly hint: string | undefined;

  /**
   * An error named after the class that is constructed.
   *
   * @param message States the reason in one line, without a full stop.
   */
  constructor(message: string, { hint, ...options }: MicssErrorOptions = {}) {
    super(message, options);
    this.name = new.target.name;
    this.hint = hint;
  }
}

/**
 * The reason that an error states, in one line for a log or a message, without the system's error number.
 *
 * @param error null and undefined stand for an orderly end by the other side.
 */
export function reasonOf(error: unknown): string {
  if (error === null || error === undefined) return "closed by the other side";
  if (!(error instanceof Error)) return String(error);
  return error.message === "" ? error.name : error.message.replace(/ \(os error \d+\)$/, "");
}
