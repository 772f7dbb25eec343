import { MicssError } from "../errors/errors.ts";
import type { Connection } from "../net/connection.ts";
import { FrameType, ResetCode } from "../wire/frame.ts";
import { type Frames, unexpected } from "./frames.ts";

/** The session was aborted by the other handler, which says why. */
export class SessionReset extends MicssError {
  /**
   * An error in words.
   *
   * @param code What the other handler says.
   */
  constructor(code: ResetCode) {
    super(`reset by the other side: ${ResetCode[code]?.toLowerCase()}`);
  }
}

/** The application's, or the target's, own connection failed. */
export class ApplicationError extends MicssError {}

/** What went through a session, in bytes of the application's. */
export interface Traffic {
  /** From the application into the association. */
  sent: number;
  /** From the association to the application. */
  received: number;
}

/**
 * Gives the application what comes as DATA, and half-closes its connection at END.
 *
 * @throws {ApplicationError} When writing to the application fails.
 * @throws {SessionReset} When the other handler aborts the session.
 * @throws {WireError} When the other side breaks the protocol.
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
 * Waits for something that is done to the application's connection.
 *
 * @throws {ApplicationError} When it fails.
 */
export function applied<T>(action: Promise<T>): Promise<T> {
  return action.catch(failed);
}

/** One for all: what waits for an application is kept for as long as that is silent. */
function failed(cause: unknown): never {
  throw new ApplicationError(cause instanceof Error ? cause.message : String(cause), { cause });
}
