/** The demo can't go on, or something that it shows does not hold; the message says what, in one line. */
export class DemoError extends Error {
  /** "DemoError". */
  override name = "DemoError";
}
