import { ELEMENT_LENGTH, evaluate } from "./field.ts";
import type { ControlType } from "./frame.ts";

/** Fills the whole array with fresh random bytes, or throws. */
export type Random = (into: Uint8Array) => void;

/** The length in bytes of a KEY frame's payload: the key, then the first mask. */
export const KEY_LENGTH = 2 * ELEMENT_LENGTH;

/** How many bytes a control frame has beyond its body: the next mask and the tag. */
export const SEAL_LENGTH = 2 * ELEMENT_LENGTH;

/**
 * What makes one direction's control frames unforgeable: a Wegman-Carter code over GF(2^128) with one-time masks, whose
 * key and masks travel secret-shared like all else (docs/PROTOCOL.md 4.4, docs/SECURITY.md).
 *
 * The tag of a frame is mask + m1 k + ... + md k^d, where m1 holds the frame's type and length, how many control frames
 * and how many DATA bytes went before it in this direction, m2 ... are its body, zero-padded, and md is the mask of the
 * frame that follows. So a frame can neither be changed, made, dropped, repeated or moved, nor can DATA bytes before it
 * be added or lost, but with probability d/2^128. Each side of a direction holds one Seal, and both do the same steps.
 */
export class Seal {
  readonly #key: Uint8Array;
  #mask: Uint8Array;
  #frames = 0;
  #dataBytes = 0;

  /**
   * The state at a direction's begin.
   *
   * @param payload A KEY frame's payload; copied.
   */
  constructor(payload: Uint8Array) {
    this.#key = payload.slice(0, ELEMENT_LENGTH);
    this.#mask = payload.slice(ELEMENT_LENGTH, KEY_LENGTH);
  }

  /** Counts a DATA frame's payload, in bytes. */
  countData(length: number): void {
    this.#dataBytes += length;
  }

  /**
   * Seals a control frame.
   *
   * @returns The payload: the body, the next mask, the tag.
   */
  seal(type: ControlType, body: Uint8Array, random: Random): Uint8Array {
    const payload = new Uint8Array(body.length + SEAL_LENGTH);
    const nextMask = payload.subarray(body.length, body.length + ELEMENT_LENGTH);
    payload.set(body);
    random(nextMask);
    payload.set(this.#advance(type, body, nextMask), body.length + ELEMENT_LENGTH);
    return payload;
  }

  /**
   * Checks a control frame's payload of at least {@linkcode SEAL_LENGTH} bytes.
   *
   * @returns The body, a view of `payload`, or null when the tag is wrong: the association is then to be aborted.
   */
  open(type: ControlType, payload: Uint8Array): Uint8Array | null {
    const body = payload.subarray(0, payload.length - SEAL_LENGTH);
    const nextMask = payload.subarray(body.length, body.length + ELEMENT_LENGTH);
    const expected = this.#advance(type, body, nextMask);
    let difference = 0;
    for (let i = 0; i < ELEMENT_LENGTH; i++) difference |= expected[i]! ^ payload[body.length + ELEMENT_LENGTH + i]!;
    return difference === 0 ? body : null;
  }

  /** The tag of this direction's next control frame, after which `nextMask` is in force. */
  #advance(type: ControlType, body: Uint8Array, nextMask: Uint8Array): Uint8Array {
    const bodyBlocks = Math.ceil(body.length / ELEMENT_LENGTH);
    const message = new Uint8Array((bodyBlocks + 2) * ELEMENT_LENGTH);
    const first = new DataView(message.buffer);
    first.setUint32(0, type << 24 | body.length + SEAL_LENGTH);
    first.setUint32(4, this.#frames++);
    first.setBigUint64(8, BigInt(this.#dataBytes));
    message.set(body, ELEMENT_LENGTH);
    message.set(nextMask, (bodyBlocks + 1) * ELEMENT_LENGTH);
    const tag = evaluate(message, this.#key);
    for (let i = 0; i < ELEMENT_LENGTH; i++) tag[i]! ^= this.#mask[i]!;
    this.#mask = nextMask.slice();
    return tag;
  }
}
