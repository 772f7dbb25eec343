/** Keeps the first bytes of a stream. */
export class Tape {
  #bytes = new Uint8Array(1024);
  #length = 0;
  readonly #limit: number;

  /**
   * An empty one.
   *
   * @param limit How many bytes it keeps at most.
   */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** What it has so far, lent until more is added. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Adds what comes next, or what of it there is room for; copied. */
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
