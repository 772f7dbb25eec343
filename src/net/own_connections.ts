/** Number of remembered connections; a later one may replace an earlier one. */
const SLOTS = 65_536;

/** Number of TCP ports. */
const PORTS = 65_536;

/** Seconds for which a connection is remembered after it was established. */
const REMEMBERED_SECONDS = 3;

/**
 * Connections that the workers of a client handler are making or have recently made, so that any of them recognizes one
 * that a rule sends back. The workers share this memory: hashes of connections' ends with the time at which each was
 * established, and the number of pending connections per port.
 *
 * A hash has 32 bits: one connection in four thousand million is refused for a collision. A connection forgotten too early
 * passes once; the one that results from it is new, and most likely remembered.
 */
export class OwnConnections {
  /** Size of the shared memory, in bytes. */
  static readonly SIZE = (2 * SLOTS + PORTS) * 4;
  readonly #hashes: Int32Array;
  readonly #times: Int32Array;
  readonly #pending: Int32Array;
  readonly #now: () => number;

  /**
   * Uses shared memory.
   *
   * @param cells {@linkcode OwnConnections.SIZE} bytes, initially zero.
   * @param now Wall-clock time in milliseconds, which all workers share.
   */
  constructor(cells: Int32Array, now: () => number = Date.now) {
    this.#hashes = cells.subarray(0, SLOTS);
    this.#times = cells.subarray(SLOTS, 2 * SLOTS);
    this.#pending = cells.subarray(2 * SLOTS);
    this.#now = now;
  }

  /** Adds to the number of pending connections to a port. */
  pending(port: number, change: 1 | -1): void {
    Atomics.add(this.#pending, port, change);
  }

  /** Reports whether connections to a port are pending. */
  isPending(port: number): boolean {
    return Atomics.load(this.#pending, port) > 0;
  }

  /** Remembers an established connection. @param path Names both of its ends. */
  made(path: string): void {
    const hash = hashOf(path), slot = hash & SLOTS - 1;
    Atomics.store(this.#hashes, slot, hash);
    Atomics.store(this.#times, slot, this.#seconds());
  }

  /** Reports whether a connection was established recently. @param path Names both of its ends. */
  has(path: string): boolean {
    const hash = hashOf(path), slot = hash & SLOTS - 1;
    return this.#seconds() - Atomics.load(this.#times, slot) <= REMEMBERED_SECONDS &&
      Atomics.load(this.#hashes, slot) === hash;
  }

  #seconds(): number {
    return Math.floor(this.#now() / 1000);
  }
}

/** 32-bit FNV-1a (Fowler, Noll and Vo), folded so that the low bits depend on all of the text. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash ^ hash >>> 15;
}
