/** Runs the decoders that state how many bytes they need, and checks that they stay within the message. */

import type { Decoder } from "../../../src/wire/decoder.ts";

/** Outcome of a decoder. */
export interface Decoded<T> {
  /** Its return value. */
  readonly value: T;
  /** The lengths that it asked for. */
  readonly asked: number[];
}

/** Thrown if a decoder asks for more bytes than the message has. */
export class TooMuchAsked extends Error {}

/**
 * Decodes one message, which other bytes may follow. Overwrites the bytes lent to the decoder as soon as it takes the next
 * step.
 *
 * @param asked Receives the lengths that the decoder asks for, even if it throws.
 * @throws {TooMuchAsked} If the decoder asks for more bytes than there are.
 */
export function decode<T>(decoder: Decoder<T>, bytes: Uint8Array, asked: number[] = []): Decoded<T> {
  let at = 0;
  for (let step = decoder.next();;) {
    if (step.done) return { value: step.value, asked };
    asked.push(step.value);
    if (at + step.value > bytes.length) throw new TooMuchAsked(`${at + step.value} bytes of ${bytes.length}`);
    const lent = bytes.slice(at, at += step.value);
    step = decoder.next(lent);
    lent.fill(0xee);
  }
}
