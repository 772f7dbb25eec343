import { AUTH_LENGTH, decodeEnroll, DeniedCode, ENROLL_LENGTH, HELLO_LENGTH, MAX_CLIENT_NAME } from "./authenticate.ts";
import { decodeDatagrams, MAX_DATAGRAMS_BODY, MIN_DATAGRAMS_BODY } from "./datagrams.ts";
import { WireError } from "./decoder.ts";
import {
  type Frame,
  FRAME_HEAD_LENGTH,
  frameName,
  FrameType,
  MAX_CREDIT,
  MAX_DATA,
  MAX_PING,
  MAX_RESULT_TEXT,
  ResetCode,
  ResultCode,
} from "./frame.ts";
import { KEY_ID_LENGTH, NONCE_LENGTH } from "./identify.ts";
import { decodeOpen, MAX_OPEN_BODY } from "./open.ts";
import { decodeCount, decodeOffer, OFFER_LENGTH } from "./rejoin.ts";
import { decodeWorkers, WORKERS_LENGTH } from "./workers.ts";

/** Keeps U+FEFF at the beginning of a text. */
const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The form of a type's frames. */
interface Form {
  /** True for a frame of a stream, false for one of the association. */
  readonly ofStream: boolean;
  /** Minimum length of the body in bytes. */
  readonly min: number;
  /** Maximum length of the body in bytes. */
  readonly max: number;
}

const FORMS: Readonly<Record<FrameType, Form>> = {
  [FrameType.Open]: { ofStream: true, min: 4, max: MAX_OPEN_BODY },
  [FrameType.Result]: { ofStream: true, min: 1, max: 1 + MAX_RESULT_TEXT },
  [FrameType.Data]: { ofStream: true, min: 1, max: MAX_DATA },
  [FrameType.End]: { ofStream: true, min: 0, max: 0 },
  [FrameType.Reset]: { ofStream: true, min: 1, max: 1 },
  [FrameType.Ping]: { ofStream: false, min: 0, max: MAX_PING },
  [FrameType.Pong]: { ofStream: false, min: 0, max: MAX_PING },
  [FrameType.Bye]: { ofStream: false, min: 4, max: 4 },
  [FrameType.Workers]: { ofStream: false, min: WORKERS_LENGTH, max: WORKERS_LENGTH },
  [FrameType.Credit]: { ofStream: true, min: 4, max: 4 },
  [FrameType.Streams]: { ofStream: false, min: 4, max: 4 },
  [FrameType.Blocked]: { ofStream: true, min: 0, max: 0 },
  [FrameType.Hello]: { ofStream: false, min: HELLO_LENGTH, max: HELLO_LENGTH },
  [FrameType.Auth]: { ofStream: false, min: AUTH_LENGTH, max: AUTH_LENGTH },
  [FrameType.Enroll]: { ofStream: false, min: ENROLL_LENGTH, max: ENROLL_LENGTH },
  [FrameType.Enrolled]: { ofStream: false, min: 1, max: MAX_CLIENT_NAME },
  [FrameType.Denied]: { ofStream: false, min: 1, max: 1 },
  [FrameType.Pad]: { ofStream: false, min: 0, max: MAX_DATA },
  [FrameType.Ack]: { ofStream: false, min: 8, max: 8 },
  [FrameType.Offer]: { ofStream: false, min: OFFER_LENGTH, max: OFFER_LENGTH },
  [FrameType.Datagrams]: { ofStream: false, min: MIN_DATAGRAMS_BODY, max: MAX_DATAGRAMS_BODY },
};

/**
 * Decodes the frames of a record's body, which holds one or more whole frames (docs/PROTOCOL.md 5). Copies nothing: DATA is a
 * view of the body.
 *
 * ```ts ignore
 * const decoder = new FrameDecoder(body);
 * for (let frame = decoder.next(); frame !== null; frame = decoder.next()) use(frame);
 * ```
 */
export class FrameDecoder {
  readonly #body: Uint8Array;
  #at = 0;

  /** Creates a decoder. @param body A verified record's body; only read. */
  constructor(body: Uint8Array) {
    this.#body = body;
  }

  /**
   * Returns the next frame.
   *
   * @returns null at the end of the body.
   * @throws {WireError} If the frame is malformed. The decoder is unusable afterwards.
   */
  next(): Frame | null {
    const body = this.#body, at = this.#at;
    if (at === body.length) return null;
    if (body.length - at < FRAME_HEAD_LENGTH) throw new WireError("a record ends within a frame's head");
    const type = body[at]!, stream = u32(body, at + 1), length = body[at + 5]! << 8 | body[at + 6]!;
    const form = FORMS[type as FrameType];
    if (form === undefined) throw new WireError(`a frame of unknown type ${type}`);
    if (length < form.min || length > form.max) throw new WireError(`${frameName(type)} of ${length} bytes`);
    if (form.ofStream !== stream > 0) {
      throw new WireError(form.ofStream ? `${frameName(type)} without a stream` : `${frameName(type)} on a stream`);
    }
    const start = at + FRAME_HEAD_LENGTH, end = start + length;
    if (end > body.length) throw new WireError(`a record ends within ${frameName(type)}`);
    this.#at = end;
    return frameOf(type, stream, body.subarray(start, end));
  }
}

function frameOf(type: FrameType, stream: number, body: Uint8Array): Frame {
  switch (type) {
    case FrameType.Data:
      return { type, stream, bytes: body };
    case FrameType.Open:
      return { type, stream, open: decodeOpen(body) };
    case FrameType.Result:
      return {
        type,
        stream,
        code: known(ResultCode, body[0]!, type),
        text: UTF8.decode(body.subarray(1)),
      };
    case FrameType.Reset:
      return { type, stream, code: known(ResetCode, body[0]!, type) };
    case FrameType.Credit:
      return { type, stream, increment: positive(body, MAX_CREDIT, type) };
    case FrameType.Ping:
    case FrameType.Pong:
      return { type, payload: body.slice() };
    case FrameType.Bye:
      return { type, last: u32(body, 0) };
    case FrameType.Streams:
      return { type, limit: positive(body, 2 ** 32 - 1, type) };
    case FrameType.Workers:
      return { type, workers: decodeWorkers(body) };
    case FrameType.Hello:
      return { type, key: copy(body, 0, KEY_ID_LENGTH), nonce: copy(body, KEY_ID_LENGTH, HELLO_LENGTH) };
    case FrameType.Auth:
      return { type, head: copy(body, 0, NONCE_LENGTH), proof: copy(body, NONCE_LENGTH, AUTH_LENGTH) };
    case FrameType.Enroll:
      return { type, enroll: decodeEnroll(body) };
    case FrameType.Enrolled:
      return { type, client: clientName(body) };
    case FrameType.Pad:
      return { type, length: body.length };
    case FrameType.Ack:
      return { type, joined: decodeCount(body, 0) };
    case FrameType.Offer:
      return { type, offer: decodeOffer(body) };
    case FrameType.Datagrams:
      return { type, means: decodeDatagrams(body) };
    case FrameType.Denied:
      return { type, code: known(DeniedCode, body[0]!, type) };
    default:
      return { type, stream };
  }
}

function clientName(body: Uint8Array): string {
  const name = String.fromCharCode(...body);
  if (!/^[a-z0-9][a-z0-9.-]*$/i.test(name)) throw new WireError("ENROLLED with an invalid name");
  return name;
}

/** Copies, because the body is lent. */
function copy(body: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(body.subarray(start, end));
}

function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
}

function positive(body: Uint8Array, max: number, type: FrameType): number {
  const value = u32(body, 0);
  if (value < 1 || value > max) throw new WireError(`${frameName(type)} of ${value}`);
  return value;
}

function known(codes: Record<number, string>, code: number, type: FrameType): number {
  if (codes[code] === undefined) throw new WireError(`${frameName(type)} with unknown code ${code}`);
  return code;
}
