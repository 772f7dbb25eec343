/**
 * Reads one message whose length shows only while it is read: yields how many bytes it needs next, gets exactly those
 * (lent until the next step), and returns the value. So no decoder ever sees, or makes its caller read, a byte beyond
 * its message, and every length is checked before anyone allocates for it.
 *
 * Throws a {@linkcode WireError} as soon as the bytes can't be a message.
 */
export type Decoder<T> = Generator<number, T, Uint8Array>;

/** The other side sent what the protocol forbids. The message is fit for a log: it never holds a byte that was sent. */
export class WireError extends Error {
  /** The name that the error shows in a log. */
  override name = "WireError";
}

/**
 * Runs a decoder over a source of bytes.
 *
 * @param decoder What to decode.
 * @param fill Fills the whole array that it is given, or rejects.
 * @returns The decoded value.
 */
export async function decodeFrom<T>(decoder: Decoder<T>, fill: (into: Uint8Array) => Promise<void>): Promise<T> {
  let step = decoder.next();
  while (!step.done) {
    const bytes = new Uint8Array(step.value);
    await fill(bytes);
    step = decoder.next(bytes);
  }
  return step.value;
}
