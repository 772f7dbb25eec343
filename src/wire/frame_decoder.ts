import { WireError } from "./decoder.ts";
import {
  type ControlType,
  type Frame,
  FRAME_HEAD_LENGTH,
  frameName,
  FrameType,
  isControl,
  MOST_DATA,
  MOST_PING,
  MOST_RESULT_TEXT,
  ResetCode,
  ResultCode,
} from "./frame.ts";
import { decodeOpen, MOST_OPEN_BODY } from "./open.ts";
import { KEY_LENGTH, Seal, SEAL_LENGTH } from "./seal.ts";

/** What the payload of a frame may measure, in bytes: at least, at most. */
const PAYLOAD_LENGTHS: Readonly<Record<FrameType, readonly [number, number]>> = {
  [FrameType.Key]: [KEY_LENGTH, KEY_LENGTH],
  [FrameType.Open]: [SEAL_LENGTH + 4, SEAL_LENGTH + MOST_OPEN_BODY],
  [FrameType.Result]: [SEAL_LENGTH + 1, SEAL_LENGTH + 1 + MOST_RESULT_TEXT],
  [FrameType.Data]: [1, MOST_DATA],
  [FrameType.End]: [SEAL_LENGTH, SEAL_LENGTH],
  [FrameType.Reset]: [SEAL_LENGTH + 1, SEAL_LENGTH + 1],
  [FrameType.Ping]: [0, MOST_PING],
  [FrameType.Pong]: [0, MOST_PING],
  [FrameType.Bye]: [SEAL_LENGTH, SEAL_LENGTH],
};

const MOST_BUFFERED = FRAME_HEAD_LENGTH + SEAL_LENGTH + MOST_OPEN_BODY;

/**
 * Decodes one direction's frames from message bytes, however they are cut (docs/PROTOCOL.md 4). Checks every length
 * before it takes a payload and every tag before it gives a control frame; DATA passes through in pieces, never copied.
 * Holds at most one control frame, 312 bytes.
 *
 * ```ts ignore
 * decoder.push(bytes);
 * for (let frame = decoder.next(); frame !== null; frame = decoder.next()) use(frame);
 * ```
 */
export class FrameDecoder {
  #seal: Seal | null = null;
  /** What was pushed and not yet decoded. */
  #input: Uint8Array = new Uint8Array(0);
  /** How many bytes of the DATA frame under way are still to come. */
  #dataLeft = 0;
  /** The head, then the payload, of the frame under way, unless it is DATA. */
  readonly #held = new Uint8Array(MOST_BUFFERED);
  #heldLength = 0;

  /**
   * Gives the decoder more bytes, once {@linkcode FrameDecoder.next} has returned null for those before: they would be
   * lost. The bytes are lent until it does so again.
   */
  push(bytes: Uint8Array): void {
    this.#input = bytes;
  }

  /** Whether the bytes so far end on a frame's end. */
  get atBoundary(): boolean {
    return this.#dataLeft === 0 && this.#heldLength === 0 && this.#input.length === 0;
  }

  /**
   * The next frame, or piece of DATA, of the bytes pushed.
   *
   * @returns null when more bytes are needed.
   * @throws {WireError} When the bytes are no frames, or a control frame's tag is wrong. The decoder is then of no use.
   */
  next(): Frame | null {
    if (this.#dataLeft > 0) return this.#data();
    if (!this.#hold(FRAME_HEAD_LENGTH)) return null;
    const [type = 0, high = 0, middle = 0, low = 0] = this.#held;
    const length = high << 16 | middle << 8 | low;
    this.#checkHead(type, length);
    if (type === FrameType.Data) {
      this.#heldLength = 0;
      this.#dataLeft = length;
      this.#seal!.countData(length);
      return this.#data();
    }
    if (!this.#hold(FRAME_HEAD_LENGTH + length)) return null;
    this.#heldLength = 0;
    const payload = this.#held.subarray(FRAME_HEAD_LENGTH, FRAME_HEAD_LENGTH + length);
    if (isControl(type)) return this.#control(type, payload);
    if (type === FrameType.Key) {
      this.#seal = new Seal(payload);
      return { type };
    }
    return { type: type as FrameType.Ping | FrameType.Pong, payload: payload.slice() };
  }

  /** Moves input into the held frame until that has `length` bytes. */
  #hold(length: number): boolean {
    const taken = Math.min(length - this.#heldLength, this.#input.length);
    if (taken > 0) {
      this.#held.set(this.#input.subarray(0, taken), this.#heldLength);
      this.#heldLength += taken;
      this.#input = this.#input.subarray(taken);
    }
    return this.#heldLength >= length;
  }

  #checkHead(type: number, length: number): void {
    const lengths = PAYLOAD_LENGTHS[type as FrameType];
    if (lengths === undefined) throw new WireError(`a frame of unknown type ${type}`);
    const [least, most] = lengths;
    if (length < least || length > most) throw new WireError(`${frameName(type)} of ${length} bytes`);
    if ((type === FrameType.Key) !== (this.#seal === null)) {
      throw new WireError(type === FrameType.Key ? "a second KEY" : `${frameName(type)} before KEY`);
    }
  }

  #data(): Frame | null {
    if (this.#input.length === 0) return null;
    const bytes = this.#input.subarray(0, this.#dataLeft);
    this.#input = this.#input.subarray(bytes.length);
    this.#dataLeft -= bytes.length;
    return { type: FrameType.Data, bytes };
  }

  #control(type: ControlType, payload: Uint8Array): Frame {
    const body = this.#seal!.open(type, payload);
    if (body === null) {
      throw new WireError(`${frameName(type)} with a wrong tag: the message was tampered with`);
    }
    switch (type) {
      case FrameType.Open:
        return { type, open: decodeOpen(body) };
      case FrameType.Result: {
        const code = known(ResultCode, body[0]!, type);
        return { type, code, text: new TextDecoder().decode(body.subarray(1)) };
      }
      case FrameType.Reset:
        return { type, code: known(ResetCode, body[0]!, type) };
      default:
        return { type };
    }
  }
}

function known(codes: Record<number, string>, code: number, type: FrameType): number {
  if (codes[code] === undefined) throw new WireError(`${frameName(type)} with unknown code ${code}`);
  return code;
}
