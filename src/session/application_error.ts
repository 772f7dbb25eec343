import { MicssError } from "../errors/errors.ts";

/** The connection of the application, or of the target, failed. */
export class ApplicationError extends MicssError {}

/**
 * Waits for an operation on the application's connection.
 *
 * @throws {ApplicationError} When the operation fails.
 */
export function applied<T>(action: Promise<T>): Promise<T> {
  return action.catch((cause) => {
    throw applicationError(cause);
  });
}

/** The error of a failed operation on the application's connection. */
export function applicationError(cause: unknown): ApplicationError {
  return new ApplicationError(cause instanceof Error ? cause.message : String(cause), { cause });
}
