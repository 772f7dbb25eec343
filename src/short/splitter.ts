import { bodyLengthAt, KEY_LENGTH, RECORD_HEAD_LENGTH } from "../records/record.ts";
import { fastestChacha20 } from "../sharing/chacha20.ts";
import { CIPHER_KEY_LENGTH, type StreamCipher } from "../sharing/stream_cipher.ts";
import { fragmentLength, isDispersed, shareLength } from "./layout.ts";
import { guardedRandom } from "../sharing/guarded_pads.ts";
import type { PadSource } from "../sharing/system_pads.ts";
import { xor } from "../sharing/xor.ts";

/** Encrypted behind a body whose length is not a multiple of n: up to n - 1 bytes. */
const PADDING = new Uint8Array(15);

/**
 * Splits one direction's records into n short shares (docs/PROTOCOL.md 3.9; H. Krawczyk, Secret Sharing Made Short, 1993). KEY,
 * heads and short bodies are shared byte by byte, by XOR. Longer bodies are encrypted, each with a key of its own: channels
 * carry XOR shares of the key, and then each a fragment of the ciphertext, an n-th of the body's length.
 */
export class ShortSplitter {
  readonly #count: number;
  readonly #pads: PadSource;
  /** Source of keys. */
  readonly #random: PadSource;
  readonly #cipher: StreamCipher;
  /** The present body's key; wiped after each. */
  readonly #key = new Uint8Array(CIPHER_KEY_LENGTH);
  #started = false;

  /**
   * Creates a splitter that expects KEY and records.
   *
   * @param count n, 2 to 16.
   * @param pads A CSPRNG for pads and keys, guarded.
   * @param cipher Default: the fastest of this system.
   */
  constructor(count: number, pads: PadSource, cipher: StreamCipher = fastestChacha20()) {
    this.#count = count;
    this.#pads = pads;
    this.#random = guardedRandom(pads);
    this.#cipher = cipher;
  }

  /**
   * The length of the shares of the next message bytes.
   *
   * @param message Whole records; in front of a direction's first one, KEY.
   * @throws {RangeError} If it does not end with a record.
   */
  lengthOf(message: Uint8Array): number {
    let at = this.#started ? 0 : KEY_LENGTH, length = at;
    while (at + RECORD_HEAD_LENGTH <= message.length) {
      const bodyLength = bodyLengthAt(message, at);
      at += RECORD_HEAD_LENGTH + bodyLength;
      length += shareLength(bodyLength, this.#count);
    }
    if (at !== message.length) throw new RangeError("message bytes that do not end with a record");
    return length;
  }

  /**
   * Splits the next message bytes.
   *
   * @param message As for {@linkcode ShortSplitter.lengthOf}; not modified.
   * @param shares n arrays of that length, to be filled, at offsets in their buffers that are equal modulo 8. None may
   * overlap the message or another share.
   * @throws Whatever the source of pads throws; the shares must not be sent then.
   */
  split(message: Uint8Array, shares: readonly Uint8Array[]): void {
    let at = this.#started ? 0 : KEY_LENGTH;
    /** The first byte that is not shared yet, and its place in the shares. */
    let from = 0, place = 0;
    this.#started = true;
    while (at < message.length) {
      const bodyLength = bodyLengthAt(message, at), body = at + RECORD_HEAD_LENGTH;
      at = body + bodyLength;
      if (!isDispersed(bodyLength)) continue;
      place = this.#share(message.subarray(from, body), true, shares, place);
      place = this.#disperse(message.subarray(body, at), shares, place);
      from = at;
    }
    if (from < at) this.#share(message.subarray(from), false, shares, place);
  }

  /** Shares bytes one by one, and a fresh key behind them if one is needed. @returns The place behind them. */
  #share(bytes: Uint8Array, withKey: boolean, shares: readonly Uint8Array[], place: number): number {
    const key = place + bytes.length, end = withKey ? key + CIPHER_KEY_LENGTH : key;
    // The last share is made where it lies, at the offset of the pads, which is not that of the message.
    const parts = shares.map((share) => share.subarray(place, end)).reverse(), last = parts[0]!;
    for (let index = 1; index < parts.length; index++) this.#pads(parts[index]!);
    last.set(bytes);
    if (withKey) {
      this.#random(this.#key);
      last.set(this.#key, bytes.length);
    }
    xor.join(parts);
    return end;
  }

  /** Encrypts a body into fragments. @returns The place behind them. */
  #disperse(body: Uint8Array, shares: readonly Uint8Array[], place: number): number {
    const length = fragmentLength(body.length, this.#count), end = place + length;
    const from: Uint8Array[] = [], into: Uint8Array[] = [];
    for (let index = 0; index < this.#count; index++) {
      from.push(body.subarray(index * length, (index + 1) * length));
      into.push(shares[index]!.subarray(place, end));
    }
    // The last fragment ends with the padding.
    const held = from.at(-1)!.length;
    if (held < length) {
      const last = into.pop()!;
      from.push(PADDING.subarray(0, length - held));
      into.push(last.subarray(0, held), last.subarray(held));
    }
    this.#cipher(this.#key, from, into);
    this.#key.fill(0);
    return end;
  }
}
