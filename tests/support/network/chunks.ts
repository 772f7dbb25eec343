/** Chunks whose holders are watched. */
import { Chunk } from "../../../src/net/chunk.ts";

/** A chunk that may be held and released only while it has a holder. */
class WatchedChunk extends Chunk {
  #holders = 1;

  override hold(): this {
    if (this.#holders === 0) throw new Error("a chunk was held after its last release");
    this.#holders++;
    return super.hold();
  }

  override release(): void {
    if (this.#holders === 0) throw new Error("a chunk was released more often than it was held");
    this.#holders--;
    super.release();
  }
}

/**
 * Lends copies of bytes, and releases the memory of each once its last holder has released it, as a full pool does: whoever
 * looks at it afterwards finds nothing.
 */
export class Lender {
  /** Number of chunks that are not released yet. */
  held = 0;

  /** Lends a copy. @param phase Its offset in its buffer. */
  lend(bytes: Uint8Array, phase = 0): Chunk {
    const copy = new Uint8Array(phase + bytes.length).subarray(phase);
    copy.set(bytes);
    this.held++;
    return new WatchedChunk(copy, () => {
      copy.fill(0xee);
      copy.buffer.transfer(0);
      this.held--;
    });
  }
}

/** A chunk's bytes, copied; releases it. */
export function taken(chunk: Chunk): Uint8Array<ArrayBuffer> {
  const bytes = chunk.bytes.slice();
  chunk.release();
  return bytes;
}
