/** How many connections are remembered; a later one may take an earlier one's place. */
const SLOTS = 65_536;

/** How many ports there are. */
const PORTS = 65_536;

/** For how many seconds it is known whose a connection is after it was made. */
const REMEMBERED_SECONDS = 3;

/**
 * The connections that the workers of a client handler are making and have lately made, so that each of them recognizes
 * one that a rule sends back, whichever of them it meets. It is memory that they share: hashes of connections' ends, each
 * with when it was made, and for each port how many connections to it are being made.
 *
 * A hash has 32 bits: once in four thousand million times a connection is refused because another one's is the same. One
 * that was forgotten too early passes; what comes of it is new, and most likely remembered.
 */
export class OwnConnections {
  /** How many bytes of memory it takes. */
  static readonly SIZE = (2 * SLOTS + PORTS) * 4;
  readonly #hashes: Int32Array;
  readonly #times: Int32Array;
  readonly #pending: Int32Array;
  readonly #now: () => number;

  /**
   * Takes memory over that is shared.
   *
   * @param cells {@linkcode OwnConnections.SIZE} bytes, all zeros at first.
   * @param now The time of day, in milliseconds: the same for all workers.
   */
  constructor(cells: Int32Array, now: () => number = Date.now) {
    this.#hashes = cells.subarray(0, SLOTS);
    this.#times = cells.subarray(SLOTS, 2 * SLOTS);
    this.#pending = cells.subarray(2 * SLOTS);
    this.#now = now;
  }

  /** A connection to a port is being made, or is not any more. */
  pending(port: number, change: 1 | -1): void {
    Atomics.add(this.#pending, port, change);
  }

  /** Whether connections to a port are being made. */
  isPending(port: number): boolean {
    return Atomics.load(this.#pending, port) > 0;
  }

  /** A connection was made. @param path Names both its ends. */
  made(path: string): void {
    const hash = hashOf(path), slot = hash & SLOTS - 1;
    Atomics.store(this.#hashes, slot, hash);
    Atomics.store(this.#times, slot, this.#seconds());
  }

  /** Whether a connection was lately made. @param path Names both its ends. */
  has(path: string): boolean {
    const hash = hashOf(path), slot = hash & SLOTS - 1;
    return this.#seconds() - Atomics.load(this.#times, slot) <= REMEMBERED_SECONDS &&
      Atomics.load(this.#hashes, slot) === hash;
  }

  #seconds(): number {
    return Math.floor(this.#now() / 1000);
  }
}

/** FNV-1a of 32 bits (Fowler, Noll and Vo), of which every bit depends on all of the text. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash ^ hash >>> 15;
}
