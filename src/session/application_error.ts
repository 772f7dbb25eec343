import { MicssError } from "../errors/errors.ts";

/** The connection of the application, or of the target, failed. */
export class ApplicationError extends MicssError {}

/**
 * Waits for an operation on the application's connection.
 *
 * @throws {ApplicationError} When the operation fails.
 */
export function applied<T>(action: Promise<T>): Promise<T> {
  return action.catch(failed);
}

/** A single function rather than a closure per call, which would be kept while the application is silent. */
function failed(cause: unknown): never {
  throw new ApplicationError(cause instanceof Error ? cause.message : String(cause), { cause });
}
