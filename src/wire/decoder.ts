import { MicssError } from "../errors/errors.ts";
/**
 * Reads one message whose length becomes known only while reading it: yields the number of bytes that it needs next, gets
 * exactly those (lent until the next step), and returns the value. So no decoder sees, or makes its caller read, a byte
 * beyond its message, and every length is checked before anything is allocated for it.
 *
 * Throws a {@linkcode WireError} as soon as the bytes can't be a message.
 */
export type Decoder<T> = Generator<number, T, Uint8Array>;

/** The peer violated the protocol. Safe to log: the message never contains received bytes. */
export class WireError extends MicssError {}

/**
 * Runs a decoder over a source of bytes.
 *
 * @param decoder The decoder to run.
 * @param fill Fills the whole given array, or rejects.
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
