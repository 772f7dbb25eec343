import { JOINED, K, memory, module, SEALED, TABLES, TABLES_END } from "./memory.ts";

/** Length in bytes of k and of a tag. */
export const TAG_LENGTH = 16;

/** Longest message, in bytes: a tag and what is under it. */
export const MAX_MESSAGE: number = TAG_LENGTH + 65_535;

/** The key whose tables are in the memory. */
let current: TagKey | null = null;

/**
 * The tags of one direction's datagrams: m1 k + m2 k^2 + ... + md k^d over GF(2^128), where m1 is 0^5 | length `u24` |
 * sequence `u64`, and the blocks behind it are the flow and the payload, filled up with zeros (docs/PROTOCOL.md, appendix A;
 * docs/SECURITY.md, claim 6, has the proof). Elements are those of records (docs/PROTOCOL.md 4.3).
 *
 * Time and memory accesses do not depend on k or the message, other than its length: 0.1 microseconds for 100 bytes, 1.0 for
 * 1,400.
 */
export class TagKey {
  /** Products of k, k^2, k^3 and k^4 with all halves of bytes. */
  readonly #tables: Uint8Array<ArrayBuffer>;

  /** Makes the tables of a key. @param k 16 random bytes; only read. */
  constructor(k: Uint8Array) {
    memory.set(k.subarray(0, TAG_LENGTH), K);
    module.prepare();
    this.#tables = memory.slice(TABLES, TABLES_END);
    memory.fill(0, K, K + TAG_LENGTH);
    current = this;
  }

  /**
   * Writes the tag of a datagram into its message.
   *
   * @param sequence Below 2^48.
   * @param message 16 bytes for the tag; the flow `u16`; the payload. {@linkcode MAX_MESSAGE} bytes at most in all.
   */
  write(sequence: number, message: Uint8Array): void {
    place(message);
    this.writeSealed(sequence, message.length);
    message.set(memory.subarray(SEALED, SEALED + TAG_LENGTH));
  }

  /** Reports whether the tag of a message is right, in a time that does not depend on where it differs. */
  check(sequence: number, message: Uint8Array): boolean {
    place(message);
    return this.#checkAt(SEALED, sequence, message.length);
  }

  /** As {@linkcode TagKey.write}, for the message at {@linkcode SEALED}. @param length In bytes. */
  writeSealed(sequence: number, length: number): void {
    this.#load();
    module.write(SEALED, length, Math.floor(sequence / 2 ** 32), sequence);
  }

  /**
   * As {@linkcode TagKey.check}, for the message at {@linkcode JOINED}, of at most {@linkcode MAX_MESSAGE} bytes,
   * whose tag is overwritten.
   *
   * @param length In bytes, at least that of a tag.
   */
  checkJoined(sequence: number, length: number): boolean {
    return this.#checkAt(JOINED, sequence, length);
  }

  #checkAt(address: number, sequence: number, length: number): boolean {
    this.#load();
    return module.check(address, length, Math.floor(sequence / 2 ** 32), sequence) === 1;
  }

  #load(): void {
    if (current === this) return;
    memory.set(this.#tables, TABLES);
    current = this;
  }
}

/** Copies a message to where messages are sealed. */
function place(message: Uint8Array): void {
  const { length } = message;
  if (length < TAG_LENGTH || length > MAX_MESSAGE) throw new RangeError(`a message of ${length} bytes`);
  memory.set(message, SEALED);
}
