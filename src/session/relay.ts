import { MicssError } from "../errors/errors.ts";
import type { Connection } from "../net/connection.ts";
import { FrameType, ResetCode } from "../wire/frame.ts";
import { type Frames, unexpected } from "./frames.ts";

/** The other handler aborted the session, and sent the reason. */
export class SessionReset extends MicssError {
  /**
   * Creates the error.
   *
   * @param code The other handler's reason.
   */
  constructor(code: ResetCode) {
    super(`reset by the other side: ${ResetCode[code]?.toLowerCase()}`);
  }
}

/** The connection of the application, or of the target, failed. */
export class ApplicationError extends MicssError {}

/** A session's traffic, in bytes of the application's. */
export interface Traffic {
  /** From the application into the association. */
  sent: number;
  /** From the association to the application. */
  received: number;
}

/**
 * Writes received DATA to the application, and half-closes its connection at END.
 *
 * @throws {ApplicationError} When writing to the application fails.
 * @throws {SessionReset} When the other handler aborts the session.
 * @throws {WireError} When the other side violates the protocol.
 * @throws When a channel ended or failed before END.
 */
export async function receiveTo(application: Connection, frames: Frames, traffic: Traffic): Promise<void> {
  for (;;) {
    const frame = await frames.receive();
    if (frame === null) throw frames.association.reason;
    switch (frame.type) {
      case FrameType.Data:
        for (let rest = frame.bytes; rest.length > 0;) {
          const taken = await applied(application.write(rest));
          traffic.received += taken;
          frames.taken++;
          rest = rest.subarray(taken);
        }
        break;
      case FrameType.End:
        return await applied(application.closeWrite());
      case FrameType.Bye:
        break;
      case FrameType.Reset:
        throw new SessionReset(frame.code);
      default:
        throw unexpected(frame, "within a session");
    }
  }
}

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
