/**
 * Bytes in memory that is reused once all holders have released them. A chunk is made with one holder; whoever passes it on passes the
 * holding on with it.
 */
export class Chunk {
  /** The bytes. */
  readonly bytes: Uint8Array;
  /** Number of bytes of memory that it keeps from other uses. */
  readonly memory: number;
  readonly #free: () => void;
  #holders = 1;

  /**
   * Creates a chunk with one holder.
   *
   * @param free Called when the last holder has released it: the memory may then be reused.
   * @param memory Its part of a buffer that is larger than its bytes. Default: their number.
   */
  constructor(bytes: Uint8Array, free: () => void, memory: number = bytes.length) {
    this.bytes = bytes;
    this.memory = memory;
    this.#free = free;
  }

  /** Adds a holder. @returns This chunk. */
  hold(): this {
    this.#holders++;
    return this;
  }

  /**
   * Removes a holder, who must not use the bytes any more. After a failed operation that may still use them, leave the chunk
   * to the garbage collector instead.
   */
  release(): void {
    if (--this.#holders === 0) this.#free();
  }
}
