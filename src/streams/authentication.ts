import type { AuthenticationFrame } from "../wire/frame.ts";

/** Consequence of a frame of authentication. */
export interface Verdict {
  /** Frame to send. */
  readonly send?: Uint8Array;
  /** True if the frame may wait for company, up to 2 ms. */
  readonly soon?: boolean;
  /** Called once the frame is on its way. */
  readonly done?: () => void;
  /** Ends the association and its streams, once the other side has had the time to read the frame. */
  readonly end?: boolean;
  /** Aborts the association with this error. */
  readonly fail?: Error;
}

/** One side's part in the authentication of an association (docs/PROTOCOL.md 8). */
export interface Authentication {
  /** Frame with which it begins; null on a server, and on a client that does not authenticate the server. */
  readonly hello: Uint8Array | null;
  /** True on a server if the client may open streams. */
  readonly admits: boolean;
  /**
   * Handles a frame; the frames behind it wait for the verdict.
   *
   * @throws {WireError} If the frame is not allowed, or not here.
   */
  receive(frame: AuthenticationFrame): Verdict | Promise<Verdict>;
  /** Refuses an OPEN that is not admitted, on a server. */
  refuse(): Verdict;
}
