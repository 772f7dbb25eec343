import type { RecordDecoder } from "./record_decoder.ts";

const NOTHING = new Uint8Array(0);

/**
 * Opens records in message bytes that come in any pieces. A record that lies within one piece is opened there; one that is
 * cut is put together, which copies it. Holds at most one record: its head, or a body whose head was verified.
 *
 * ```ts ignore
 * reader.push(bytes);
 * for (let body = reader.next(); body !== null; body = reader.next()) use(body);
 * ```
 */
export class RecordReader {
  readonly #decoder: RecordDecoder;
  /** Bytes that were pushed and are not taken yet. */
  #input: Uint8Array = NOTHING;
  /** Collects what the decoder needs, where that did not come in one piece. Kept while records go on being cut. */
  #held: Uint8Array = NOTHING;
  #heldLength = 0;

  /** Creates a reader that was given nothing. @param decoder Nothing else may use it, but for its `maxBody`. */
  constructor(decoder: RecordDecoder) {
    this.#decoder = decoder;
  }

  /**
   * Gives the reader more bytes, once {@linkcode RecordReader.next} has returned null for those before: they would be lost.
   * They are lent until it does so again.
   */
  push(bytes: Uint8Array): void {
    this.#input = bytes;
  }

  /** True where the bytes so far end with KEY or a record, and before the first of them. */
  get atBoundary(): boolean {
    return this.#input.length === 0 && this.#heldLength === 0 && this.#decoder.atBoundary;
  }

  /**
   * The body of the next record, lent until the next call.
   *
   * @returns null when more bytes are needed.
   * @throws {WireError} As {@linkcode RecordDecoder.take} does, at each further call, too.
   */
  next(): Uint8Array | null {
    for (;;) {
      const bytes = this.#first(this.#decoder.needed);
      if (bytes === null) return null;
      const body = this.#decoder.take(bytes);
      if (body !== null) return body;
    }
  }

  /** The next `length` bytes; null, and all of them held, while there are fewer. */
  #first(length: number): Uint8Array | null {
    if (this.#heldLength === 0) {
      if (this.#input.length >= length) return this.#cut(length);
      if (this.#input.length === 0) {
        if (this.#decoder.atBoundary) this.#held = NOTHING;
        return null;
      }
      if (this.#held.length < length) this.#held = new Uint8Array(length);
    }
    const taken = this.#cut(length - this.#heldLength);
    this.#held.set(taken, this.#heldLength);
    this.#heldLength += taken.length;
    if (this.#heldLength < length) return null;
    this.#heldLength = 0;
    return this.#held.subarray(0, length);
  }

  /** Takes the first `length` bytes, or all that there are, off the input, and keeps nothing of one that is used up. */
  #cut(length: number): Uint8Array {
    const first = this.#input.subarray(0, length);
    this.#input = length < this.#input.length ? this.#input.subarray(length) : NOTHING;
    return first;
  }
}
