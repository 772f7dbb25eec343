import { WireError } from "../wire/decoder.ts";
import { DirectionKey } from "./direction_key.ts";
import type { Poly1305 } from "./hashes.ts";
import { fastestPoly1305 } from "./poly1305.ts";
import { bodyLengthAt, ELEMENT_LENGTH, HASH_AT, KEY_LENGTH, MAX_BODY, MIN_BODY, RECORD_HEAD_LENGTH } from "./record.ts";

/** A record, or KEY, that is not as the other side sent it, or has a length that is not allowed. */
export class RecordError extends WireError {}

/**
 * Opens one direction's records. It says how many bytes it needs next, and is given exactly those: it holds no body and
 * copies none, so that records can be verified where they arrived.
 *
 * Checks a length against its limits, then the head's tag, before it asks for the body, and gives no byte of a body before
 * its hash is right. The first failure ends it for good: whatever follows is neither judged nor given.
 *
 * ```ts ignore
 * const body = decoder.take(await read(decoder.needed));
 * if (body !== null) use(body);
 * ```
 */
export class RecordDecoder {
  readonly #poly1305: Poly1305;
  readonly #hash = new Uint8Array(ELEMENT_LENGTH);
  #key: DirectionKey | null = null;
  #needed: number = KEY_LENGTH;
  #inBody = false;
  #wrong = "";
  #failure: RecordError | null = null;

  /** Creates a decoder that expects KEY. @param poly1305 Default: the fastest of this system. */
  constructor(poly1305: Poly1305 = fastestPoly1305()) {
    this.#poly1305 = poly1305;
  }

  /** The number of bytes to give to {@linkcode RecordDecoder.take} next, of KEY, a head or a body; 0 once it has failed. */
  get needed(): number {
    return this.#needed;
  }

  /** True where the bytes so far end with KEY or a record, and before the first of them. */
  get atBoundary(): boolean {
    return !this.#inBody;
  }

  /**
   * Takes the next {@linkcode RecordDecoder.needed} bytes.
   *
   * @param bytes Only read, and not kept.
   * @returns `bytes` itself if they are a body that was verified; null behind KEY and each head.
   * @throws {RecordError} When a length is out of range, or a tag or hash is wrong; then at each further call.
   * @throws {RangeError} When it is given another number of bytes.
   */
  take(bytes: Uint8Array): Uint8Array | null {
    const isBody = this.#inBody;
    if (!this.attempt(bytes)) this.fail();
    return isBody ? bytes : null;
  }

  /**
   * Tries the next {@linkcode RecordDecoder.needed} bytes, of which there may be several versions.
   *
   * @param bytes Only read, and not kept.
   * @returns True if they are right: those behind them are next. Otherwise nothing has changed.
   * @throws {RecordError} Once it has failed.
   * @throws {RangeError} When it is given another number of bytes.
   */
  attempt(bytes: Uint8Array): boolean {
    if (this.#failure !== null) throw this.#failure;
    if (bytes.length !== this.#needed) throw new RangeError(`${bytes.length} bytes, not ${this.#needed}`);
    if (this.#key === null) return this.#attemptKey(bytes);
    return this.#inBody ? this.#attemptBody(this.#key, bytes) : this.#attemptHead(this.#key, bytes);
  }

  /** Fails for good, for what was wrong in the last attempt. */
  fail(): never {
    this.#needed = 0;
    throw this.#failure ??= new RecordError(this.#wrong);
  }

  #attemptKey(key: Uint8Array): boolean {
    const accepted = DirectionKey.accept(key, this.#poly1305);
    if (accepted === null) return this.#isWrong("KEY with a wrong tag: it was tampered with");
    this.#key = accepted;
    this.#needed = RECORD_HEAD_LENGTH;
    return true;
  }

  #attemptHead(key: DirectionKey, head: Uint8Array): boolean {
    const length = bodyLengthAt(head, 0);
    if (length < MIN_BODY || length > MAX_BODY) {
      return this.#isWrong(`a record of ${length} bytes; ${MIN_BODY} to ${MAX_BODY} are allowed`);
    }
    if (!key.checkHead(head, length)) return this.#isWrong("a record with a wrong tag: it was tampered with");
    for (let i = 0; i < ELEMENT_LENGTH; i++) this.#hash[i] = head[HASH_AT + i]!;
    this.#needed = length;
    this.#inBody = true;
    return true;
  }

  #attemptBody(key: DirectionKey, body: Uint8Array): boolean {
    if (!key.checkBody(body, this.#hash)) return this.#isWrong("a record with a wrong hash: it was tampered with");
    this.#needed = RECORD_HEAD_LENGTH;
    this.#inBody = false;
    return true;
  }

  #isWrong(why: string): false {
    this.#wrong = why;
    return false;
  }
}
