import { TAG_WASM } from "./tag_wasm.ts";

/** Length in bytes of k and of a tag. */
export const TAG_LENGTH = 16;

/** Longest message, in bytes: a tag and what is under it. */
export const MAX_MESSAGE: number = TAG_LENGTH + 65_535;

/** Addresses in the module's memory, as in scripts/wasm/datagram_tag.ts. */
const K = 0, TAG = 16, TABLES = 32, FIRST_BLOCK = 2080;

/** Bytes of the blocks that are taken at a time. */
const GROUP = 64;

/** Its exports. */
interface Module {
  readonly memory: WebAssembly.Memory;
  readonly prepare: () => void;
  readonly tag: (groups: number) => void;
}

// One instance for all: nothing is awaited between writing its inputs and reading its result.
const module = new WebAssembly.Module(Uint8Array.fromBase64(TAG_WASM));
const { memory, prepare, tag } = new WebAssembly.Instance(module).exports as unknown as Module;
const bytes = new Uint8Array(memory.buffer);
const words = new DataView(memory.buffer);

/** The key whose tables are in the memory. */
let current: TagKey | null = null;

/**
 * The tags of one direction's datagrams: m1 k + m2 k^2 + ... + md k^d over GF(2^128), where m1 is 0^5 | length `u24` |
 * sequence `u64`, and the blocks behind it are the flow and the payload, filled up with zeros (docs/PROTOCOL.md, appendix A;
 * docs/SECURITY.md, claim 6, has the proof). Elements are those of records (docs/PROTOCOL.md 4.3).
 *
 * Time and memory accesses do not depend on k or the message, other than its length: 0.1 microseconds for 100 bytes, 0.8 for
 * 1,400.
 */
export class TagKey {
  /** Products of k, k^2, k^3 and k^4 with all halves of bytes. */
  readonly #tables: Uint8Array<ArrayBuffer>;

  /** Makes the tables of a key. @param k 16 random bytes; only read. */
  constructor(k: Uint8Array) {
    bytes.set(k.subarray(0, TAG_LENGTH), K);
    prepare();
    this.#tables = bytes.slice(TABLES, FIRST_BLOCK);
    bytes.fill(0, K, K + TAG_LENGTH);
    current = this;
  }

  /**
   * Writes the tag of a datagram into its message.
   *
   * @param sequence Below 2^48.
   * @param message 16 bytes for the tag; the flow `u16`; the payload. {@linkcode MAX_MESSAGE} bytes at most in all.
   */
  write(sequence: number, message: Uint8Array): void {
    this.#compute(sequence, message);
    for (let i = 0; i < TAG_LENGTH; i++) message[i] = bytes[TAG + i]!;
  }

  /** Reports whether the tag of a message is right, in a time that does not depend on where it differs. */
  check(sequence: number, message: Uint8Array): boolean {
    this.#compute(sequence, message);
    let difference = 0;
    for (let i = 0; i < TAG_LENGTH; i++) difference |= bytes[TAG + i]! ^ message[i]!;
    return difference === 0;
  }

  #compute(sequence: number, message: Uint8Array): void {
    const { length } = message;
    if (length < TAG_LENGTH || length > MAX_MESSAGE) throw new RangeError(`a message of ${length} bytes`);
    if (current !== this) {
      bytes.set(this.#tables, TABLES);
      current = this;
    }
    // The first block takes the place of the tag: the blocks behind it are then where they belong.
    bytes.set(message, FIRST_BLOCK);
    words.setUint32(FIRST_BLOCK, 0);
    words.setUint32(FIRST_BLOCK + 4, length - TAG_LENGTH);
    words.setUint32(FIRST_BLOCK + 8, Math.floor(sequence / 2 ** 32));
    words.setUint32(FIRST_BLOCK + 12, sequence);
    const groups = Math.ceil(length / GROUP);
    bytes.fill(0, FIRST_BLOCK + length, FIRST_BLOCK + GROUP * groups);
    tag(groups);
  }
}
