import { MicssError } from "../errors/errors.ts";
import { ResetCode, ResultCode } from "../wire/frame.ts";

/** The other handler aborted the stream, and sent the reason. */
export class StreamReset extends MicssError {
  /** Creates the error. @param code The other handler's reason. */
  constructor(code: ResetCode) {
    super(`reset by the other side: ${ResetCode[code]?.toLowerCase()}`);
  }
}

/** The other side sends, but does not read what is owed to it. */
export class Unread extends MicssError {
  /** Creates the error. @param frames Number of frames that may wait. */
  constructor(frames: number) {
    super(`the other side does not read: more than ${frames} frames wait to be sent`);
  }
}

/** The association's owner ended it, and its streams with it. */
export class HandlerEnding extends MicssError {
  /** Creates the error. */
  constructor() {
    super("the handler is ending");
  }
}

/** The server handler did not connect the stream to its target. */
export class TargetError extends MicssError {
  /**
   * Creates the error.
   *
   * @param code The server handler's answer.
   * @param text The server handler's explanation; may be empty.
   */
  constructor(readonly code: Exclude<ResultCode, ResultCode.Ok>, text: string) {
    super(text === "" ? ResultCode[code]!.toLowerCase() : text);
  }
}
