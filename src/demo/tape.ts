/** Keeps the first bytes of a stream. */
export class Tape {
  #bytes = new Uint8Array(1024);
  #length = 0;
  readonly #limit: number;

  /**
   * Creates an empty tape.
   *
   * @param limit Maximum number of bytes to keep.
   */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The bytes so far, lent until more are added. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Appends a copy of the next bytes, up to the limit. */
  add(bytes: Uint8Array): void {
    const kept = bytes.subarray(0, this.#limit - this.#length);
    if (kept.length === 0) return;
    const length = this.#length + kept.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(this.#limit, Math.max(length, 2 * this.#bytes.length)));
      larger.set(this.bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(kept, this.#length);
    this.#length = length;
  }
}
