import { WireError } from "./decoder.ts";
import {
  type Frame,
  FRAME_HEAD_LENGTH,
  frameName,
  FrameType,
  MAX_DATA,
  MAX_PING,
  MAX_RESULT_TEXT,
  ResetCode,
  ResultCode,
} from "./frame.ts";
import { decodeOpen, MAX_OPEN_BODY } from "./open.ts";
import { Seal } from "./seal.ts";
import { decodeWorkers, WORKERS_LENGTH } from "./workers.ts";

/** Minimum and maximum length of each type's body, in bytes. */
const BODY_LENGTHS: Readonly<Record<FrameType, readonly [number, number]>> = {
  [FrameType.Key]: [0, 0],
  [FrameType.Open]: [4, MAX_OPEN_BODY],
  [FrameType.Result]: [1, 1 + MAX_RESULT_TEXT],
  [FrameType.Data]: [1, MAX_DATA],
  [FrameType.End]: [0, 0],
  [FrameType.Reset]: [1, 1],
  [FrameType.Ping]: [0, MAX_PING],
  [FrameType.Pong]: [0, MAX_PING],
  [FrameType.Bye]: [0, 0],
  [FrameType.Workers]: [WORKERS_LENGTH, WORKERS_LENGTH],
};

const MAX_HELD = FRAME_HEAD_LENGTH + MAX_OPEN_BODY;

const NOTHING = new Uint8Array(0);

/**
 * Decodes one direction's frames from message bytes, however they are cut (docs/PROTOCOL.md 4). Checks every length before
 * taking a body, and every tag before returning a frame or the first piece of DATA. DATA passes through in pieces without
 * copying. Holds at most one frame other than DATA, 312 bytes, and nothing between frames.
 *
 * ```ts ignore
 * decoder.push(bytes);
 * for (let frame = decoder.next(); frame !== null; frame = decoder.next()) use(frame);
 * ```
 */
export class FrameDecoder {
  #seal: Seal | null = null;
  /** True directly after KEY. */
  #behindKey = false;
  /** Pushed bytes that are not yet decoded. */
  #input: Uint8Array = NOTHING;
  /** Bytes missing of the current DATA frame. */
  #dataLeft = 0;
  /** Head, then body unless it is DATA's, of the current frame if it did not arrive in one piece. */
  #held: Uint8Array | null = null;
  #heldLength = 0;

  /**
   * Adds bytes. Call it only after {@linkcode FrameDecoder.next} has returned null, or earlier bytes are lost. The bytes are
   * lent until it returns null again.
   */
  push(bytes: Uint8Array): void {
    this.#input = bytes;
  }

  /** True if the bytes so far end at the end of a frame. */
  get atBoundary(): boolean {
    return this.#dataLeft === 0 && this.#heldLength === 0 && this.#input.length === 0;
  }

  /**
   * Returns the next frame, or piece of DATA.
   *
   * @returns null if more bytes are needed.
   * @throws {WireError} If a frame is malformed or its tag is wrong. The decoder is unusable afterwards.
   */
  next(): Frame | null {
    if (this.#dataLeft > 0) return this.#data();
    const head = this.#first(FRAME_HEAD_LENGTH);
    if (head === null) return null;
    const [type = 0, high = 0, middle = 0, low = 0] = head;
    const length = high << 16 | middle << 8 | low;
    this.#checkHead(type, length);
    if (type === FrameType.Data) {
      this.#checkTag(type, head, NOTHING);
      this.#drop(FRAME_HEAD_LENGTH);
      this.#dataLeft = length;
      return this.#data();
    }
    const frame = this.#first(FRAME_HEAD_LENGTH + length);
    if (frame === null) return null;
    if (type === FrameType.Key) {
      this.#seal = new Seal(frame);
      this.#behindKey = true;
      this.#drop(frame.length);
      return { type };
    }
    const body = frame.subarray(FRAME_HEAD_LENGTH), behindKey = this.#behindKey;
    this.#checkTag(type, frame, body);
    if (type === FrameType.Workers && !behindKey) throw new WireError("WORKERS not directly after KEY");
    this.#drop(frame.length);
    return frameOf(type, body);
  }

  /** The first `length` undecoded bytes. If there are fewer, holds them and returns null. */
  #first(length: number): Uint8Array | null {
    if (this.#held === null) {
      if (this.#input.length >= length) return this.#input.subarray(0, length);
      if (this.#input.length === 0) return null;
      this.#held = new Uint8Array(MAX_HELD);
    }
    const taken = Math.min(length - this.#heldLength, this.#input.length);
    if (taken > 0) {
      this.#held.set(this.#input.subarray(0, taken), this.#heldLength);
      this.#heldLength += taken;
      this.#take(taken);
    }
    return this.#heldLength >= length ? this.#held.subarray(0, length) : null;
  }

  /** Marks the first `length` bytes, including all held ones, as decoded. */
  #drop(length: number): void {
    if (this.#held === null) return this.#take(length);
    this.#held = null;
    this.#heldLength = 0;
  }

  /** Takes bytes off the input. Keeps no reference to an input that is used up. */
  #take(length: number): void {
    this.#input = length < this.#input.length ? this.#input.subarray(length) : NOTHING;
  }

  #checkHead(type: number, length: number): void {
    const lengths = BODY_LENGTHS[type as FrameType];
    if (lengths === undefined) throw new WireError(`a frame of unknown type ${type}`);
    const [min, max] = lengths;
    if (length < min || length > max) throw new WireError(`${frameName(type)} of ${length} bytes`);
    if ((type === FrameType.Key) !== (this.#seal === null)) {
      throw new WireError(type === FrameType.Key ? "a second KEY" : `${frameName(type)} before KEY`);
    }
  }

  #data(): Frame | null {
    if (this.#input.length === 0) return null;
    const bytes = this.#input.subarray(0, this.#dataLeft);
    this.#take(bytes.length);
    this.#dataLeft -= bytes.length;
    return { type: FrameType.Data, bytes };
  }

  #checkTag(type: FrameType, head: Uint8Array, body: Uint8Array): void {
    this.#behindKey = false;
    if (this.#seal!.check(head, body)) return;
    throw new WireError(`${frameName(type)} with a wrong tag: the message was tampered with`);
  }
}

function frameOf(type: FrameType, body: Uint8Array): Frame {
  switch (type) {
    case FrameType.Open:
      return { type, open: decodeOpen(body) };
    case FrameType.Result:
      return { type, code: known(ResultCode, body[0]!, type), text: new TextDecoder().decode(body.subarray(1)) };
    case FrameType.Reset:
      return { type, code: known(ResetCode, body[0]!, type) };
    case FrameType.Ping:
    case FrameType.Pong:
      return { type, payload: body.slice() };
    case FrameType.Workers:
      return { type, workers: decodeWorkers(body) };
    default:
      return { type: type as FrameType.End | FrameType.Bye };
  }
}

function known(codes: Record<number, string>, code: number, type: FrameType): number {
  if (codes[code] === undefined) throw new WireError(`${frameName(type)} with unknown code ${code}`);
  return code;
}
