import { DirectionKey } from "../records/direction_key.ts";
import { wasmPoly1305 } from "../records/hashes.ts";
import { bodyLengthAt, KEY_LENGTH, MAX_BODY, RECORD_HEAD_LENGTH } from "../records/record.ts";
import { giveBuffer, LARGEST_BUFFER, takeBuffer } from "../net/buffer_pool.ts";
import { Chunk } from "../net/chunk.ts";
import { fastestChacha20 } from "../sharing/chacha20.ts";
import { CIPHER_KEY_LENGTH, type StreamCipher } from "../sharing/stream_cipher.ts";
import { fragmentLength, isDispersed } from "./layout.ts";
import { xor } from "../sharing/xor.ts";

/** The next bytes on the channels. */
const enum Part {
  Key,
  Head,
  WholeBody,
  CipherKey,
  Fragment,
  /** Nothing: KEY or a head is wrong, which ends the association. */
  None,
}

/**
 * Joins one direction's n short shares to message bytes (docs/PROTOCOL.md 3.9), cut anywhere. It uses no length before the tag
 * of its head is verified, and joins nothing behind a KEY or head that is wrong: work that depended on bytes at a wrong
 * place would show in the time until an abort (docs/SECURITY.md). It passes them on, and bodies unverified, for their
 * reader to judge, each head before it waits for more. It holds one fragment of each channel at most, all of one body.
 */
export class ShortJoiner {
  readonly #count: number;
  readonly #emit: (message: Chunk) => void;
  readonly #cipher: StreamCipher;
  #part = Part.Key;
  /** Bytes of the part that are still to come, on each channel. */
  #left: number = KEY_LENGTH;
  /** Collects KEY, then each head. */
  readonly #head = new Uint8Array(KEY_LENGTH);
  #direction: DirectionKey | null = null;
  readonly #key = new Uint8Array(CIPHER_KEY_LENGTH);
  #bodyLength = 0;
  /** Collects a body's fragments where they do not come together: a pooled buffer. */
  #body: Uint8Array | null = null;
  /** Message bytes to pass on: a pooled buffer, and the number of its bytes that are filled. */
  #out: Uint8Array | null = null;
  #filled = 0;

  /**
   * Creates a joiner that expects KEY.
   *
   * @param count n, 2 to 16.
   * @param emit Gets message bytes, in order, and their holding.
   * @param cipher Default: the fastest of this system.
   */
  constructor(count: number, emit: (message: Chunk) => void, cipher: StreamCipher = fastestChacha20()) {
    this.#count = count;
    this.#emit = emit;
    this.#cipher = cipher;
  }

  /** Joins the next bytes of every channel. @param shares n arrays of one length, in order; the first is overwritten. */
  join(shares: readonly Uint8Array[]): void {
    const { length } = shares[0]!;
    for (let at = 0; at < length && this.#part !== Part.None;) {
      const part = Math.min(this.#left, length - at);
      if (this.#part === Part.Fragment) this.#joinFragments(shares, at, part);
      else this.#joinBytes(shares.map((share) => share.subarray(at, at + part)), this.#count * (length - at));
      at += part;
    }
    this.#flush();
  }

  /** Gives back what it holds of a body, and wipes its key. */
  close(): void {
    if (this.#body !== null) giveBuffer(this.#body);
    this.#body = null;
    this.#key.fill(0);
    this.#part = Part.None;
  }

  /** @param ahead Message bytes that may follow in the same call. */
  #joinBytes(shares: readonly Uint8Array[], ahead: number): void {
    xor.join(shares);
    const bytes = shares[0]!;
    if (this.#part === Part.CipherKey) {
      this.#key.set(bytes, this.#key.length - this.#left);
      bytes.fill(0);
    } else {
      if (this.#part === Part.Key) this.#head.set(bytes, KEY_LENGTH - this.#left);
      else if (this.#part === Part.Head) this.#head.set(bytes, RECORD_HEAD_LENGTH - this.#left);
      this.#reserve(bytes.length, ahead).set(bytes);
    }
    this.#left -= bytes.length;
    if (this.#left === 0) this.#next();
  }

  /** Determines what follows the part that is complete. */
  #next(): void {
    if (this.#part === Part.CipherKey) {
      this.#expect(Part.Fragment, fragmentLength(this.#bodyLength, this.#count));
    } else if (this.#part === Part.Head) this.#expectBody();
    else if (this.#part === Part.Key && !this.#acceptKey()) this.#expect(Part.None, 0);
    else this.#expect(Part.Head, RECORD_HEAD_LENGTH);
  }

  /** Verifies KEY. */
  #acceptKey(): boolean {
    this.#direction = DirectionKey.accept(this.#head, wasmPoly1305);
    return this.#direction !== null;
  }

  /** Verifies a head; determines what follows it. */
  #expectBody(): void {
    const length = bodyLengthAt(this.#head, 0), head = this.#head.subarray(0, RECORD_HEAD_LENGTH);
    if (length === 0 || length > MAX_BODY || !this.#direction!.checkHead(head, length)) this.#expect(Part.None, 0);
    else if (isDispersed(length)) {
      this.#bodyLength = length;
      this.#expect(Part.CipherKey, CIPHER_KEY_LENGTH);
    } else this.#expect(Part.WholeBody, length);
  }

  #expect(part: Part, length: number): void {
    this.#part = part;
    this.#left = length;
  }

  /** Joins the next `part` bytes of every fragment; decrypts the body once they are complete. */
  #joinFragments(shares: readonly Uint8Array[], at: number, part: number): void {
    const length = fragmentLength(this.#bodyLength, this.#count), done = length - this.#left;
    if (part === length) {
      const ahead = this.#count * (shares[0]!.length - at);
      const body = this.#reserve(this.#bodyLength, ahead), from: Uint8Array[] = [], into: Uint8Array[] = [];
      for (let index = 0; index < this.#count; index++) {
        const of = body.subarray(index * length, (index + 1) * length);
        from.push(shares[index]!.subarray(at, at + of.length));
        into.push(of);
      }
      this.#decrypt(from, into);
    } else {
      const body = this.#body ??= takeBuffer(this.#count * length);
      shares.forEach((share, index) => body.set(share.subarray(at, at + part), index * length + done));
      this.#left -= part;
      if (this.#left > 0) return;
      // Nothing waits in front of it: its first bytes came in an earlier call.
      this.#body = null;
      const bytes = body.subarray(0, this.#bodyLength);
      this.#decrypt([bytes], [bytes]);
      this.#emit(new Chunk(bytes, () => giveBuffer(body)));
    }
  }

  #decrypt(from: readonly Uint8Array[], into: readonly Uint8Array[]): void {
    this.#cipher(this.#key, from, into);
    this.#key.fill(0);
    this.#expect(Part.Head, RECORD_HEAD_LENGTH);
  }

  /** Room for the next message bytes, behind those that wait to be passed on. @param ahead As much as may follow, with them. */
  #reserve(length: number, ahead: number): Uint8Array {
    if (this.#out !== null && this.#filled + length > this.#out.length) this.#flush();
    this.#out ??= takeBuffer(Math.max(length, Math.min(ahead, LARGEST_BUFFER)));
    const start = this.#filled;
    this.#filled += length;
    return this.#out.subarray(start, this.#filled);
  }

  #flush(): void {
    const buffer = this.#out;
    if (buffer === null) return;
    const bytes = buffer.subarray(0, this.#filled);
    this.#out = null;
    this.#filled = 0;
    this.#emit(new Chunk(bytes, () => giveBuffer(buffer)));
  }
}
