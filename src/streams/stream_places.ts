import { WireError } from "../wire/decoder.ts";
import { INITIAL_STREAMS } from "../wire/frame.ts";

/** The highest number of a stream. */
const MAX_NUMBER = 2 ** 32 - 1;

/** The streams of an association that a client may open, and the places that a server gives them. */
export class StreamPlaces {
  #limit = INITIAL_STREAMS;
  #released = 0;

  /** The highest stream that the client may open. */
  get limit(): number {
    return this.#limit;
  }

  /** The most streams that may have a place at once. */
  get taken(): number {
    return this.#limit - this.#released;
  }

  /** On a client: handles STREAMS. @throws {WireError} If the limit falls. */
  raise(limit: number): void {
    if (limit < this.#limit) throw new WireError("STREAMS below the last one");
    this.#limit = limit;
  }

  /** On a server: frees the place of a stream of which nothing is left. */
  release(): void {
    this.#released++;
  }

  /**
   * On a server: raises the limit once the client has used half of the streams that it can have: not at once, as most use
   * few.
   *
   * @param opened The last stream opened.
   * @param maximum The most streams at a time.
   * @returns True if the limit is a new one.
   */
  grant(opened: number, maximum: number): boolean {
    const left = this.#limit - opened, further = Math.min(this.#released + maximum, MAX_NUMBER) - this.#limit;
    if (this.#limit === INITIAL_STREAMS && left > INITIAL_STREAMS / 2 || further < Math.max(1, left)) return false;
    this.#limit += further;
    return true;
  }
}
