/** Runs the decoders that say how many bytes they need, and watches that they keep to what they may ask for. */

import type { Decoder } from "../../../src/wire/decoder.ts";

/** What a decoder did. */
export interface Decoded<T> {
  /** What it returned. */
  readonly value: T;
  /** How many bytes it asked for, each time. */
  readonly asked: number[];
}

/** A decoder asked for more bytes than the message has. */
export class TooMuchAsked extends Error {}

/**
 * Decodes one message, which may have other bytes behind it. What a decoder was lent is overwritten as soon as it takes
 * the next step.
 *
 * @param asked Gets how many bytes the decoder asks for, each time; for when it throws.
 * @throws {TooMuchAsked} When the decoder asks for more than there is.
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
