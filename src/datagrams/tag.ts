import { TAG_WASM } from "./tag_wasm.ts";

/** Length in bytes of k and of a tag. */
export const TAG_LENGTH = 16;

/** Longest flow and payload under a tag, in bytes. */
export const MAX_TAGGED = 65_535;

/** Addresses in the module's memory, as in scripts/wasm/datagram_tag.ts. */
const K = 0, TAG = 16, TABLES = 32, FIRST_BLOCK = 544;
const TABLES_LENGTH = 512;

/** Address of what is under a tag, behind the first block. */
const TAGGED = FIRST_BLOCK + 16;

/** Its exports. */
interface Module {
  readonly memory: WebAssembly.Memory;
  readonly prepare: () => void;
  readonly tag: (blocks: number) => void;
}

// One instance for all: nothing is awaited between writing its inputs and reading its result.
const module = new WebAssembly.Module(Uint8Array.fromBase64(TAG_WASM));
const { memory, prepare, tag } = new WebAssembly.Instance(module).exports as unknown as Module;
const bytes = new Uint8Array(memory.buffer);
const words = new DataView(memory.buffer);

/**
 * The tags of one direction's datagrams: m1 k + m2 k^2 + ... + md k^d over GF(2^128), where m1 is 0^5 | length `u24` |
 * sequence `u64`, and the blocks behind it are the flow and the payload, filled up with zeros (docs/PROTOCOL.md, appendix A;
 * docs/SECURITY.md has the proof). Elements are those of records (docs/PROTOCOL.md 4.3).
 *
 * Time and memory accesses do not depend on k or the message, other than its length: 0.2 microseconds for 100 bytes, 1.9 for
 * 1,400.
 */
export class TagKey {
  /** Products of k, which make up for the time that making them takes from the second datagram on. */
  readonly #tables: Uint8Array<ArrayBuffer>;

  /** Makes the tables of a key. @param k 16 random bytes; only read. */
  constructor(k: Uint8Array) {
    bytes.set(k.subarray(0, TAG_LENGTH), K);
    prepare();
    this.#tables = bytes.slice(TABLES, TABLES + TABLES_LENGTH);
    bytes.fill(0, 0, FIRST_BLOCK);
  }

  /**
   * Writes the tag of a datagram.
   *
   * @param sequence Below 2^48.
   * @param tagged The flow `u16`, then the payload, {@linkcode MAX_TAGGED} bytes at most in all; only read.
   * @param into Gets 16 bytes; must not overlap `tagged`.
   */
  write(sequence: number, tagged: Uint8Array, into: Uint8Array): void {
    this.#compute(sequence, tagged);
    for (let i = 0; i < TAG_LENGTH; i++) into[i] = bytes[TAG + i]!;
  }

  /** Compares the tag of a datagram with `expected`, in a time that does not depend on where they differ. */
  check(sequence: number, tagged: Uint8Array, expected: Uint8Array): boolean {
    this.#compute(sequence, tagged);
    let difference = 0;
    for (let i = 0; i < TAG_LENGTH; i++) difference |= bytes[TAG + i]! ^ expected[i]!;
    return difference === 0;
  }

  #compute(sequence: number, tagged: Uint8Array): void {
    const { length } = tagged;
    if (length > MAX_TAGGED) throw new RangeError(`${length} bytes under a tag`);
    bytes.set(this.#tables, TABLES);
    words.setUint32(FIRST_BLOCK, 0);
    words.setUint32(FIRST_BLOCK + 4, length);
    words.setUint32(FIRST_BLOCK + 8, Math.floor(sequence / 2 ** 32));
    words.setUint32(FIRST_BLOCK + 12, sequence);
    bytes.set(tagged, TAGGED);
    const end = TAGGED + length, blocks = 1 + Math.ceil(length / 16);
    bytes.fill(0, end, FIRST_BLOCK + 16 * blocks);
    tag(blocks);
  }
}
