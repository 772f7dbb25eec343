import { assert } from "@std/assert";

/** Arrays at one offset within a word, each surrounded by guard bytes that reveal stray writes. */
export class Guarded {
  readonly #buffers: Uint8Array[] = [];
  readonly #start: number;
  readonly #length: number;

  constructor(offset: number, length: number) {
    this.#start = 16 + offset;
    this.#length = length;
  }

  array(fill?: (into: Uint8Array) => void): Uint8Array {
    const buffer = new Uint8Array(this.#start + this.#length + 16).fill(0xa5);
    this.#buffers.push(buffer);
    const array = buffer.subarray(this.#start, this.#start + this.#length);
    fill?.(array);
    return array;
  }

  arrays(count: number, fill?: (into: Uint8Array) => void): Uint8Array[] {
    return Array.from({ length: count }, () => this.array(fill));
  }

  assertUntouched(message: string): void {
    for (const buffer of this.#buffers) {
      assert(buffer.subarray(0, this.#start).every((byte) => byte === 0xa5), message);
      assert(buffer.subarray(this.#start + this.#length).every((byte) => byte === 0xa5), message);
    }
  }
}
