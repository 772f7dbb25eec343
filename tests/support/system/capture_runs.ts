/** Length of a run, in bytes. */
export const RUN_LENGTH = 8;

const FILTER_BITS = 27;

/** All runs of 8 bytes of a text, for searching captured traffic. */
export class Runs {
  readonly #runs = new Set<bigint>();
  /** Bit set of the runs' hashes; rejects nearly all other runs without a lookup in the set. */
  readonly #filter = new Uint8Array(1 << (FILTER_BITS - 3));

  /** Takes the run at every offset of `text`. */
  constructor(text: Uint8Array) {
    const view = viewOf(text);
    for (let at = 0; at + RUN_LENGTH <= text.length; at++) {
      const hash = hashAt(view, at);
      this.#filter[hash >>> 3]! |= 1 << (hash & 7);
      this.#runs.add(view.getBigUint64(at));
    }
  }

  /** Number of offsets in `bytes` that hold any of the runs. */
  countIn(bytes: Uint8Array): number {
    const view = viewOf(bytes);
    let count = 0;
    for (let at = 0; at + RUN_LENGTH <= bytes.length; at++) {
      const hash = hashAt(view, at);
      if ((this.#filter[hash >>> 3]! & (1 << (hash & 7))) === 0) continue;
      if (this.#runs.has(view.getBigUint64(at))) count++;
    }
    return count;
  }
}

/** The XOR of several byte strings, truncated to the shortest. */
export function xorOf(strings: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(Math.min(...strings.map(({ length }) => length)));
  for (const bytes of strings) for (let i = 0; i < result.length; i++) result[i]! ^= bytes[i]!;
  return result;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function hashAt(view: DataView, at: number): number {
  const mixed = Math.imul(view.getUint32(at), 0x9e3779b1) ^ Math.imul(view.getUint32(at + 4), 0x85ebca6b);
  return mixed >>> (32 - FILTER_BITS);
}
