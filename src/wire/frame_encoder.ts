import {
  FRAME_HEAD_LENGTH,
  FrameType,
  MAX_DATA,
  MAX_PING,
  MAX_RESULT_TEXT,
  type ResetCode,
  type ResultCode,
} from "./frame.ts";
import { encodeOpen, type Open } from "./open.ts";
import { type Random, Seal } from "./seal.ts";
import { encodeWorkers, type Workers } from "./workers.ts";

const NOTHING = new Uint8Array(0);

/**
 * Encodes one direction's frames, in the order of sending (docs/PROTOCOL.md 4). The caller owns every returned array.
 */
export class FrameEncoder {
  readonly #random: Random;
  #seal: Seal | null = null;

  /**
   * Creates an encoder that has sent nothing.
   *
   * @param random A CSPRNG, for the key and the masks.
   */
  constructor(random: Random) {
    this.#random = random;
  }

  /** True once {@linkcode FrameEncoder.key} was called, which must happen once, before any other frame. */
  get started(): boolean {
    return this.#seal !== null;
  }

  /** The direction's first frame, KEY. */
  key(): Uint8Array {
    if (this.#seal !== null) throw new TypeError("a second KEY");
    const head = new Uint8Array(FRAME_HEAD_LENGTH);
    Seal.writeKey(head, this.#random);
    this.#seal = new Seal(head);
    return head;
  }

  /** WORKERS, directly after KEY. @throws {RangeError} If it can't be encoded. */
  workers(workers: Workers): Uint8Array {
    return this.#frame(FrameType.Workers, encodeWorkers(workers));
  }

  /** OPEN. @throws {RangeError} If the destination can't be encoded. */
  open(open: Open): Uint8Array {
    return this.#frame(FrameType.Open, encodeOpen(open));
  }

  /** RESULT, with `text` truncated to 200 bytes. */
  result(code: ResultCode, text = ""): Uint8Array {
    const body = new Uint8Array(1 + MAX_RESULT_TEXT);
    body[0] = code;
    const { written } = new TextEncoder().encodeInto(text, body.subarray(1));
    return this.#frame(FrameType.Result, body.subarray(0, 1 + written));
  }

  /** END. */
  end(): Uint8Array {
    return this.#frame(FrameType.End, new Uint8Array(0));
  }

  /** RESET. */
  reset(code: ResetCode): Uint8Array {
    return this.#frame(FrameType.Reset, Uint8Array.of(code));
  }

  /** BYE. */
  bye(): Uint8Array {
    return this.#frame(FrameType.Bye, new Uint8Array(0));
  }

  /** PING. @param payload At most 8 bytes. */
  ping(payload: Uint8Array): Uint8Array {
    return this.#frame(FrameType.Ping, payload.subarray(0, MAX_PING));
  }

  /** PONG. @param payload That of the PING. */
  pong(payload: Uint8Array): Uint8Array {
    return this.#frame(FrameType.Pong, payload.subarray(0, MAX_PING));
  }

  /**
   * Writes a DATA frame's head in front of its body, so that the body need not be copied.
   *
   * @param into Receives the head in its first 36 bytes.
   * @param length The body's length in bytes, 1 to 524,288.
   */
  dataHead(into: Uint8Array, length: number): void {
    if (length < 1 || length > MAX_DATA) throw new RangeError(`DATA of ${length} bytes`);
    this.#sealed().write(into, FrameType.Data, length, NOTHING, this.#random);
  }

  #frame(type: FrameType, body: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(FRAME_HEAD_LENGTH + body.length);
    this.#sealed().write(bytes, type, body.length, body, this.#random);
    bytes.set(body, FRAME_HEAD_LENGTH);
    return bytes;
  }

  #sealed(): Seal {
    if (this.#seal === null) throw new TypeError("a frame before KEY");
    return this.#seal;
  }
}
