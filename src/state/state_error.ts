import { MicssError, type MicssErrorOptions, reasonOf } from "../errors/errors.ts";

/** The state directory, or a file in it, can't be used. Message: "what is wrong; what would be right", without the path. */
export class StateError extends MicssError {
  /**
   * An error about a file or directory.
   *
   * @param path Path of the file or directory.
   */
  constructor(readonly path: string, message: string, options: MicssErrorOptions = {}) {
    super(message, options);
  }
}

/** Hint where the state directory can't be written on purpose, as in a container with a read-only root. */
export const READ_ONLY_HINT = "where files are read-only, use keys from micss keygen and the setting clients";

/** Turns an error of the system into a {@linkcode StateError}; returns one unchanged. */
export function stateError(path: string, error: unknown): StateError {
  if (error instanceof StateError) return error;
  const options = { cause: error, hint: READ_ONLY_HINT };
  const reason = reasonOf(error).replace(/ \(os error \d+\).*$/, "");
  if (error instanceof Deno.errors.NotFound) return new StateError(path, "no such file or directory");
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return new StateError(path, `not accessible to this user; give another directory with --state`, options);
  }
  if (/read-only file system/i.test(reason)) {
    return new StateError(path, "on a read-only file system; give another directory with --state", options);
  }
  return new StateError(path, `${reason}; give another directory with --state`, { cause: error });
}
