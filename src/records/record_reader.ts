import { giveBuffer, takeBuffer } from "../net/buffer_pool.ts";
import { Chunk } from "../net/chunk.ts";
import { KEY_LENGTH } from "./record.ts";
import type { RecordDecoder } from "./record_decoder.ts";

const NOTHING = new Uint8Array(0);

/**
 * Opens records in message bytes that come in any pieces. A record that lies within one piece is opened there; one that is
 * cut is put together, which copies it. Holds at most one piece and one record: its head, or a body whose head was verified.
 *
 * ```ts ignore
 * reader.push(chunk);
 * for (let body = reader.next(); body !== null; body = reader.next()) use(body);
 * ```
 */
export class RecordReader {
  readonly #decoder: RecordDecoder;
  /** The last piece pushed, until all of it is taken. */
  #chunk: Chunk | null = null;
  /** Its bytes, and the first that is not taken yet. */
  #input = NOTHING;
  #at = 0;
  /** Collects KEY or a head that is cut. */
  readonly #head = new Uint8Array(KEY_LENGTH);
  /** Collects a body that is cut: a pooled buffer. */
  #body: Uint8Array | null = null;
  #heldLength = 0;

  /** Creates a reader that was given nothing. @param decoder Nothing else may use it. */
  constructor(decoder: RecordDecoder) {
    this.#decoder = decoder;
  }

  /** Gives the reader more bytes, and their holding, once {@linkcode RecordReader.next} has returned null for those before. */
  push(chunk: Chunk): void {
    this.#chunk = chunk;
    this.#input = chunk.bytes as Uint8Array<ArrayBuffer>;
    this.#at = 0;
    this.#drop(0);
  }

  /** True where the bytes so far end with KEY or a record, and before the first of them. */
  get atBoundary(): boolean {
    return this.#left === 0 && this.#heldLength === 0 && this.#decoder.atBoundary;
  }

  /** Number of bytes of the input that are not taken yet. */
  get #left(): number {
    return this.#input.length - this.#at;
  }

  /**
   * The body of the next record, which the caller holds.
   *
   * @returns null when more bytes are needed.
   * @throws {RecordError} As {@linkcode RecordDecoder.take} does, at each further call, too.
   */
  next(): Chunk | null {
    const decoder = this.#decoder;
    for (;;) {
      const { needed } = decoder;
      if (this.#heldLength === 0 && this.#left >= needed) {
        const bytes = this.#input.subarray(this.#at, this.#at + needed);
        const body = decoder.take(bytes);
        const chunk = this.#chunk!;
        if (body !== null) chunk.hold();
        this.#drop(needed);
        if (body !== null) return new Chunk(body, () => chunk.release());
      } else {
        if (!this.#collect(needed)) return null;
        if (decoder.atBoundary) decoder.take(this.#head.subarray(0, needed));
        else return this.#takeBody(needed);
      }
    }
  }

  /** Opens the body that was put together. */
  #takeBody(length: number): Chunk {
    const buffer = this.#body!;
    this.#body = null;
    const bytes = this.#decoder.take(buffer.subarray(0, length))!;
    return new Chunk(bytes, () => giveBuffer(buffer));
  }

  /** Adds input to what is held. @returns True once it has `length` bytes; it is then no longer held. */
  #collect(length: number): boolean {
    if (this.#left === 0) return false;
    const into = this.#decoder.atBoundary ? this.#head : this.#body ??= takeBuffer(length);
    const taken = this.#input.subarray(this.#at, this.#at + length - this.#heldLength);
    into.set(taken, this.#heldLength);
    this.#heldLength += taken.length;
    this.#drop(taken.length);
    if (this.#heldLength < length) return false;
    this.#heldLength = 0;
    return true;
  }

  /** Takes the next `length` bytes of the input, and releases the chunk if it is used up. */
  #drop(length: number): void {
    this.#at += length;
    if (this.#left > 0) return;
    const chunk = this.#chunk;
    this.#chunk = null;
    // Before the release, which may detach the bytes: what is left of them would be negative.
    this.#input = NOTHING;
    this.#at = 0;
    chunk?.release();
  }
}
