import { MAX_BODY } from "./record.ts";

/** The longest body, in bytes, that every pace allows: below it, heads would take a share that shows. */
export const MIN_PACED_BODY = 4096;

/** The time in milliseconds that a record's first byte may wait for its last. */
const WAIT = 40;

/** The time in milliseconds after which what was measured counts half. */
const HALF_LIFE = 250;

/** Records of the present length that must have left before longer ones are allowed. */
const BEFORE_GROWTH = 16;

/**
 * The longest record that an association sends at its present pace: what it moves in about 40 ms, 4 to 64 KiB. A receiver
 * gives nothing of a record before all of it has come, so on a slow path long records would delay their first bytes.
 *
 * The pace is that of the time in which something was on its way; idle time says nothing of a path. It falls at once, and
 * grows to double only after {@linkcode BEFORE_GROWTH} records: a path's buffers take the first bytes faster than the path
 * itself.
 */
export class RecordPace {
  #bytes = 0;
  #time = 0;
  #sinceGrowth = 0;
  #longest = MIN_PACED_BODY;

  /** The longest body of a record to send next, in bytes. */
  get longest(): number {
    return this.#longest;
  }

  /**
   * Notes what has moved.
   *
   * @param bytes The number of message bytes that the slowest channel took.
   * @param time Since the last call, or since something was on its way, whichever is later; in milliseconds, not negative.
   */
  moved(bytes: number, time: number): void {
    const decay = 2 ** (-time / HALF_LIFE);
    this.#bytes = this.#bytes * decay + bytes;
    this.#time = this.#time * decay + time;
    this.#sinceGrowth += bytes;
    const allowed = clamp(WAIT * this.#bytes / this.#time);
    if (allowed < this.#longest) this.#longest = allowed;
    else if (this.#sinceGrowth >= BEFORE_GROWTH * this.#longest) this.#longest = Math.min(allowed, 2 * this.#longest);
    else return;
    this.#sinceGrowth = 0;
  }
}

/** A length within the limits; the longest, where it is not a number, as nothing has taken any time. */
function clamp(length: number): number {
  return length < MAX_BODY ? Math.max(MIN_PACED_BODY, Math.floor(length)) : MAX_BODY;
}
