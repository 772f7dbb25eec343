import {
  type ControlType,
  FRAME_HEAD_LENGTH,
  FrameType,
  MOST_DATA,
  MOST_PING,
  MOST_RESULT_TEXT,
  type ResetCode,
  type ResultCode,
} from "./frame.ts";
import { encodeOpen, type Open } from "./open.ts";
import { KEY_LENGTH, type Random, Seal } from "./seal.ts";

/**
 * Encodes one direction's frames, in the order in which they are sent (docs/PROTOCOL.md 4). Every array it returns is
 * the caller's.
 */
export class FrameEncoder {
  readonly #random: Random;
  #seal: Seal | null = null;

  /**
   * An encoder that has sent nothing.
   *
   * @param random Where the key and the masks come from: a CSPRNG.
   */
  constructor(random: Random) {
    this.#random = random;
  }

  /** Whether {@linkcode FrameEncoder.key} was called: it must be, once, before any other frame. */
  get started(): boolean {
    return this.#seal !== null;
  }

  /** The direction's first frame, KEY. */
  key(): Uint8Array {
    if (this.#seal !== null) throw new TypeError("a second KEY");
    const payload = new Uint8Array(KEY_LENGTH);
    this.#random(payload);
    this.#seal = new Seal(payload);
    return frame(FrameType.Key, payload);
  }

  /** OPEN. @throws {RangeError} When the destination can't be encoded. */
  open(open: Open): Uint8Array {
    return this.#control(FrameType.Open, encodeOpen(open));
  }

  /** RESULT; of `text` what fits into 200 bytes. */
  result(code: ResultCode, text = ""): Uint8Array {
    const body = new Uint8Array(1 + MOST_RESULT_TEXT);
    body[0] = code;
    const { written } = new TextEncoder().encodeInto(text, body.subarray(1));
    return this.#control(FrameType.Result, body.subarray(0, 1 + written));
  }

  /** END. */
  end(): Uint8Array {
    return this.#control(FrameType.End, new Uint8Array(0));
  }

  /** RESET. */
  reset(code: ResetCode): Uint8Array {
    return this.#control(FrameType.Reset, Uint8Array.of(code));
  }

  /** BYE. */
  bye(): Uint8Array {
    return this.#control(FrameType.Bye, new Uint8Array(0));
  }

  /** PING. @param payload At most 8 bytes. */
  ping(payload: Uint8Array): Uint8Array {
    return this.#echoed(FrameType.Ping, payload);
  }

  /** PONG. @param payload That of the PING. */
  pong(payload: Uint8Array): Uint8Array {
    return this.#echoed(FrameType.Pong, payload);
  }

  /**
   * Writes a DATA frame's head in front of its payload, so that the payload can stay where it was read to.
   *
   * @param into Gets the head in its first 4 bytes.
   * @param length The payload's length in bytes, 1 to 262,144.
   */
  dataHead(into: Uint8Array, length: number): void {
    if (length < 1 || length > MOST_DATA) throw new RangeError(`DATA of ${length} bytes`);
    this.#sealed().countData(length);
    writeHead(into, FrameType.Data, length);
  }

  #control(type: ControlType, body: Uint8Array): Uint8Array {
    return frame(type, this.#sealed().seal(type, body, this.#random));
  }

  #echoed(type: FrameType.Ping | FrameType.Pong, payload: Uint8Array): Uint8Array {
    this.#sealed();
    return frame(type, payload.subarray(0, MOST_PING));
  }

  #sealed(): Seal {
    if (this.#seal === null) throw new TypeError("a frame before KEY");
    return this.#seal;
  }
}

function frame(type: FrameType, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEAD_LENGTH + payload.length);
  writeHead(bytes, type, payload.length);
  bytes.set(payload, FRAME_HEAD_LENGTH);
  return bytes;
}

function writeHead(into: Uint8Array, type: FrameType, length: number): void {
  into[0] = type;
  into[1] = length >>> 16;
  into[2] = length >>> 8;
  into[3] = length;
}
