import { ELEMENT_LENGTH, Evaluator } from "./field.ts";
import { FRAME_HEAD_LENGTH, FrameType } from "./frame.ts";
import { MAX_OPEN_BODY } from "./open.ts";

/** Fills the whole array with fresh random bytes, or throws. */
export type Random = (into: Uint8Array) => void;

/** Offset of the next mask in a frame's head; in KEY's, of the key. */
const MASK_AT = 4;

/** Offset of the tag in a frame's head; in KEY's, of the first mask. */
const TAG_AT = MASK_AT + ELEMENT_LENGTH;

/** Input of a tag, and the tag itself; shared by all instances, as their use never spans an await. */
const MESSAGE = new Uint8Array(2 * ELEMENT_LENGTH + Math.ceil(MAX_OPEN_BODY / ELEMENT_LENGTH) * ELEMENT_LENGTH);
const TAG = new Uint8Array(ELEMENT_LENGTH);
const words = new DataView(MESSAGE.buffer);
const tagWords = new DataView(TAG.buffer);

/**
 * Authenticates one direction's frames, except DATA's body: a Wegman-Carter code over GF(2^128) with one-time masks, whose
 * key and masks travel secret-shared like everything else (docs/PROTOCOL.md 4.4, docs/SECURITY.md).
 *
 * The tag of a frame is mask + m1 k + ... + md k^d, where m1 holds its type, its body's length and the number of frames
 * before it in this direction, m2 is the mask of the next frame, and m3 ... md are its body, zero-padded; for DATA,
 * nothing. So except with probability d/2^128 no frame can be changed, forged, dropped, repeated or moved, and neither
 * passes another frame for DATA nor DATA for another: only the content of DATA is open to tampering, not its length.
 *
 * Each side of a direction holds one Seal, and both take the same steps.
 */
export class Seal {
  readonly #key: Evaluator;
  readonly #mask: Uint8Array;
  #frames = 1;

  /**
   * Creates the state after KEY.
   *
   * @param head KEY's head; copied.
   */
  constructor(head: Uint8Array) {
    this.#key = new Evaluator(head.subarray(MASK_AT, TAG_AT));
    this.#mask = head.slice(TAG_AT, FRAME_HEAD_LENGTH);
  }

  /** Writes KEY's head, with a fresh key and mask. */
  static writeKey(head: Uint8Array, random: Random): void {
    writeStart(head, FrameType.Key, 0);
    random(head.subarray(MASK_AT, FRAME_HEAD_LENGTH));
  }

  /**
   * Writes the head of this direction's next frame.
   *
   * @param head Receives it in its first 36 bytes.
   * @param length The body's length in bytes.
   * @param body The body; empty for DATA, whose content the tag does not cover.
   */
  write(head: Uint8Array, type: FrameType, length: number, body: Uint8Array, random: Random): void {
    writeStart(head, type, length);
    random(head.subarray(MASK_AT, TAG_AT));
    this.#advance(head, body);
    for (let i = 0; i < ELEMENT_LENGTH; i++) head[TAG_AT + i] = TAG[i]!;
  }

  /**
   * Checks the head of this direction's next frame.
   *
   * @param body As for {@linkcode Seal.write}.
   * @returns True if the tag is right; otherwise the association must be aborted.
   */
  check(head: Uint8Array, body: Uint8Array): boolean {
    this.#advance(head, body);
    let difference = 0;
    for (let i = 0; i < ELEMENT_LENGTH; i++) difference |= TAG[i]! ^ head[TAG_AT + i]!;
    return difference === 0;
  }

  /** Computes the tag of this direction's next frame, and puts the mask in its head into force. */
  #advance(head: Uint8Array, body: Uint8Array): void {
    const length = ELEMENT_LENGTH * (2 + Math.ceil(body.length / ELEMENT_LENGTH));
    for (let i = 0; i < MASK_AT; i++) MESSAGE[i] = head[i]!;
    words.setUint32(8, Math.floor(this.#frames / 2 ** 32));
    words.setUint32(12, this.#frames++);
    for (let i = 0; i < ELEMENT_LENGTH; i++) MESSAGE[ELEMENT_LENGTH + i] = head[MASK_AT + i]!;
    if (body.length > 0) {
      MESSAGE.set(body, 2 * ELEMENT_LENGTH);
      MESSAGE.fill(0, 2 * ELEMENT_LENGTH + body.length, length);
    }
    this.#key.evaluate(words, length, tagWords);
    for (let i = 0; i < ELEMENT_LENGTH; i++) {
      TAG[i]! ^= this.#mask[i]!;
      this.#mask[i] = head[MASK_AT + i]!;
    }
  }
}

function writeStart(head: Uint8Array, type: FrameType, length: number): void {
  head[0] = type;
  head[1] = length >>> 16;
  head[2] = length >>> 8;
  head[3] = length;
}
