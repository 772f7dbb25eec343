import type { DeniedCode, Enroll } from "./authenticate.ts";
import { concat } from "./concat.ts";
import { type DatagramMeans, encodeDatagrams } from "./datagrams.ts";
import { FRAME_HEAD_LENGTH, FrameType, MAX_PING, MAX_RESULT_TEXT, type ResetCode, type ResultCode } from "./frame.ts";
import { encodeOpen, type Open } from "./open.ts";
import { encodeCount, encodeOffer, type Offer } from "./rejoin.ts";
import { encodeWorkers, type Workers } from "./workers.ts";

const NOTHING = new Uint8Array(0);

/**
 * Writes a frame's head.
 *
 * @param into Receives it from `at` on, 7 bytes.
 * @param stream 0 for a frame of the association.
 * @param length The body's length in bytes.
 */
export function writeFrameHead(into: Uint8Array, at: number, type: FrameType, stream: number, length: number): void {
  into[at] = type;
  into[at + 1] = stream >>> 24;
  into[at + 2] = stream >>> 16;
  into[at + 3] = stream >>> 8;
  into[at + 4] = stream;
  into[at + 5] = length >>> 8;
  into[at + 6] = length;
}

/** Reads the stream of an encoded frame; 0 for a frame of the association. */
export function streamOf(frame: Uint8Array): number {
  return (frame[1]! << 24 | frame[2]! << 16 | frame[3]! << 8 | frame[4]!) >>> 0;
}

/** True for an encoded OFFER or DATAGRAMS: it hands out keys, whose secrecy matters for as long as the association lives. */
export function holdsKeys([type]: Uint8Array): boolean {
  return type === FrameType.Offer || type === FrameType.Datagrams;
}

/** Encodes frames other than DATA (docs/PROTOCOL.md 5). The caller owns the returned arrays. */
export const encode = {
  /** OPEN. @throws {RangeError} If the destination can't be encoded. */
  open: (stream: number, open: Open): Uint8Array => frame(FrameType.Open, stream, encodeOpen(open)),

  /** RESULT, with `text` truncated to 200 bytes. */
  result(stream: number, code: ResultCode, text = ""): Uint8Array {
    const body = new Uint8Array(1 + MAX_RESULT_TEXT);
    body[0] = code;
    const { written } = text === "" ? { written: 0 } : new TextEncoder().encodeInto(text, body.subarray(1));
    return frame(FrameType.Result, stream, body.subarray(0, 1 + written));
  },

  /** END. */
  end: (stream: number): Uint8Array => frame(FrameType.End, stream, NOTHING),

  /** RESET. */
  reset: (stream: number, code: ResetCode): Uint8Array => frame(FrameType.Reset, stream, Uint8Array.of(code)),

  /** CREDIT. @param increment Further bytes, 1 to 2^31-1. */
  credit: (stream: number, increment: number): Uint8Array => frame(FrameType.Credit, stream, u32(increment)),

  /** BLOCKED. */
  blocked: (stream: number): Uint8Array => frame(FrameType.Blocked, stream, NOTHING),

  /** PING. @param payload At most 8 bytes. */
  ping: (payload: Uint8Array = NOTHING): Uint8Array => frame(FrameType.Ping, 0, payload.subarray(0, MAX_PING)),

  /** PONG. @param payload That of the PING. */
  pong: (payload: Uint8Array): Uint8Array => frame(FrameType.Pong, 0, payload.subarray(0, MAX_PING)),

  /** BYE. @param last The highest stream that was taken. */
  bye: (last: number): Uint8Array => frame(FrameType.Bye, 0, u32(last)),

  /** STREAMS. @param limit The highest stream that may be opened. */
  streams: (limit: number): Uint8Array => frame(FrameType.Streams, 0, u32(limit)),

  /** WORKERS. @throws {RangeError} If it can't be encoded. */
  workers: (workers: Workers): Uint8Array => frame(FrameType.Workers, 0, encodeWorkers(workers)),

  /** HELLO. @param key The id of a server's key. @param nonce 32 random bytes. */
  hello: (key: Uint8Array, nonce: Uint8Array): Uint8Array => frame(FrameType.Hello, 0, concat([key, nonce])),

  /** AUTH. @param head The server's nonce, or the client's key id as {@linkcode toHead} extends it. @param proof 64 bytes. */
  auth: (head: Uint8Array, proof: Uint8Array): Uint8Array => frame(FrameType.Auth, 0, concat([head, proof])),

  /** ENROLL. */
  enroll: ({ publicKey, mac, invitation }: Enroll): Uint8Array =>
    frame(FrameType.Enroll, 0, concat([publicKey, mac, invitation])),

  /** ENROLLED. @param name The client's name: 1 to 63 letters, digits, dots and dashes. */
  enrolled: (name: string): Uint8Array => frame(FrameType.Enrolled, 0, new TextEncoder().encode(name)),

  /** DENIED. */
  denied: (code: DeniedCode): Uint8Array => frame(FrameType.Denied, 0, Uint8Array.of(code)),

  /** ACK. @param joined Number of bytes of each channel joined so far. */
  ack: (joined: number): Uint8Array => frame(FrameType.Ack, 0, encodeCount(joined)),

  /** OFFER. */
  offer: (offer: Offer): Uint8Array => frame(FrameType.Offer, 0, encodeOffer(offer)),

  /** DATAGRAMS. */
  datagrams: (means: DatagramMeans): Uint8Array => frame(FrameType.Datagrams, 0, encodeDatagrams(means)),
};

function frame(type: FrameType, stream: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEAD_LENGTH + body.length);
  writeFrameHead(bytes, 0, type, stream, body.length);
  bytes.set(body, FRAME_HEAD_LENGTH);
  return bytes;
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
