/** A session's traffic, in bytes of the application's. */
export interface Traffic {
  /** From the application into the stream. */
  sent: number;
  /** From the stream to the application. */
  received: number;
}
