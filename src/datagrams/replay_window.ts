/** Number of sequence numbers, up to the highest one accepted, of which it is known whether they were accepted. */
export const WINDOW = 2048;

/** State of a sequence number. */
export enum SequenceState {
  /** It may be accepted. */
  New,
  /** It was accepted. */
  Accepted,
  /** It is below the window, so that it is not known whether it was accepted. */
  Late,
}

/** Keeps a datagram from being delivered twice. Only what was verified may be accepted: nothing else moves the window. */
export class ReplayWindow {
  /** A bit for each number of the window, at the number modulo {@linkcode WINDOW}. */
  readonly #bits = new Uint32Array(WINDOW / 32);
  #highest = -1;

  /** The state of a sequence number, 0 to 2^53 - 1. */
  state(sequence: number): SequenceState {
    if (sequence > this.#highest) return SequenceState.New;
    if (sequence <= this.#highest - WINDOW) return SequenceState.Late;
    const bit = placeOf(sequence);
    return (this.#bits[bit >>> 5]! >>> (bit & 31) & 1) === 0 ? SequenceState.New : SequenceState.Accepted;
  }

  /** Accepts a sequence number that is new. */
  accept(sequence: number): void {
    if (sequence >= this.#highest + WINDOW) {
      this.#bits.fill(0);
    } else {
      for (let between = this.#highest + 1; between < sequence; between++) this.#clear(placeOf(between));
    }
    if (sequence > this.#highest) this.#highest = sequence;
    const bit = placeOf(sequence);
    this.#bits[bit >>> 5]! |= 1 << (bit & 31);
  }

  #clear(bit: number): void {
    this.#bits[bit >>> 5]! &= ~(1 << (bit & 31));
  }
}

/** A number modulo {@linkcode WINDOW}; `>>>` takes it modulo 2^32 first. */
function placeOf(sequence: number): number {
  return (sequence >>> 0) & (WINDOW - 1);
}
