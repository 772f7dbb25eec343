import type { DeniedCode, Enroll } from "./authenticate.ts";
import type { DatagramMeans } from "./datagrams.ts";
import type { Open } from "./open.ts";
import type { Offer } from "./rejoin.ts";
import type { Workers } from "./workers.ts";

/** Type of a frame (docs/PROTOCOL.md 5). */
export enum FrameType {
  /** Opens a stream; sent by the client. */
  Open = 1,
  /** Answers OPEN; sent by the server. */
  Result = 2,
  /** Application data. */
  Data = 3,
  /** Ends this direction of a stream: a half-close. */
  End = 4,
  /** Aborts a stream. */
  Reset = 5,
  /** Asks for a sign of life. */
  Ping = 6,
  /** Answers PING. */
  Pong = 7,
  /** Announces that the association takes no further stream; sent by the server. */
  Bye = 8,
  /** Number of the server handler's event loops; a direction's first frame or absent. */
  Workers = 9,
  /** Lets the other side send more DATA on a stream. */
  Credit = 10,
  /** Lets the client open further streams; sent by the server. */
  Streams = 11,
  /** Reports that DATA is waiting for credit. */
  Blocked = 12,
  /** Begins authentication; sent by the client. */
  Hello = 13,
  /** Proves the sender's identity. */
  Auth = 14,
  /** Enrols with an invitation; sent by the client. */
  Enroll = 15,
  /** Answers ENROLL; sent by the server. */
  Enrolled = 16,
  /** Refuses the client; sent by the server. */
  Denied = 17,
  /** Padding, without meaning. */
  Pad = 18,
  /** States how much has been joined. */
  Ack = 19,
  /** Hands out the means to join a channel again; sent by the server. */
  Offer = 20,
  /** Hands out the means to send datagrams. */
  Datagrams = 21,
}

/** The server's answer to OPEN. */
export enum ResultCode {
  /** The target is connected. */
  Ok = 0,
  /** The target refused the connection. */
  Refused = 1,
  /** The target could not be reached, or not in time. */
  Unreachable = 2,
  /** No target is configured for that destination. */
  NotAllowed = 3,
  /** The server is overloaded. */
  Overloaded = 4,
  /** The server did not process the OPEN: it may be retried on another association. */
  NotProcessed = 5,
}

/** Reason for aborting a stream. */
export enum ResetCode {
  /** The application, or the target, reset its connection. */
  Application = 1,
  /** The handler is ending. */
  Shutdown = 2,
  /** A limit was reached. */
  Limit = 3,
  /** The peer violated the protocol. */
  Protocol = 4,
}

/** Name of a type in messages, spelled as in docs/PROTOCOL.md. */
export function frameName(type: FrameType): string {
  return FrameType[type]!.toUpperCase();
}

/** Length in bytes of a frame's head: type `u8`, stream `u32`, body length `u16`. */
export const FRAME_HEAD_LENGTH = 7;

/** Maximum length of a DATA frame's body in bytes: a whole frame fits in one record. */
export const MAX_DATA = 65_529;

/** Maximum length of a PING's or PONG's body in bytes. */
export const MAX_PING = 8;

/** Maximum length of a RESULT's text in bytes of UTF-8. */
export const MAX_RESULT_TEXT = 200;

/** Credit in bytes with which each direction of a stream begins. */
export const INITIAL_CREDIT = 65_536;

/** Maximum credit of a stream in bytes. */
export const MAX_CREDIT: number = 2 ** 31 - 1;

/** Number of streams that a client may open before the first STREAMS. */
export const INITIAL_STREAMS = 128;

/** A decoded frame. */
export type Frame =
  | { readonly type: FrameType.Open; readonly stream: number; readonly open: Open }
  | { readonly type: FrameType.Result; readonly stream: number; readonly code: ResultCode; readonly text: string }
  /** The bytes are a view of the record. */
  | { readonly type: FrameType.Data; readonly stream: number; readonly bytes: Uint8Array }
  | { readonly type: FrameType.End | FrameType.Blocked; readonly stream: number }
  | { readonly type: FrameType.Reset; readonly stream: number; readonly code: ResetCode }
  | { readonly type: FrameType.Credit; readonly stream: number; readonly increment: number }
  | { readonly type: FrameType.Ping | FrameType.Pong; readonly payload: Uint8Array }
  | { readonly type: FrameType.Bye; readonly last: number }
  | { readonly type: FrameType.Streams; readonly limit: number }
  | { readonly type: FrameType.Workers; readonly workers: Workers }
  /** Its body was not looked at. */
  | { readonly type: FrameType.Pad; readonly length: number }
  /** `joined` is a number of bytes of each channel. */
  | { readonly type: FrameType.Ack; readonly joined: number }
  | { readonly type: FrameType.Offer; readonly offer: Offer }
  | { readonly type: FrameType.Datagrams; readonly means: DatagramMeans }
  | AuthenticationFrame;

/** A decoded frame of authentication. Its arrays belong to the receiver. */
export type AuthenticationFrame =
  /** `key` is the id of a server's key. */
  | { readonly type: FrameType.Hello; readonly key: Uint8Array<ArrayBuffer>; readonly nonce: Uint8Array<ArrayBuffer> }
  /** `head` is the server's nonce, or the client's key id with zeros behind it. */
  | { readonly type: FrameType.Auth; readonly head: Uint8Array<ArrayBuffer>; readonly proof: Uint8Array<ArrayBuffer> }
  | { readonly type: FrameType.Enroll; readonly enroll: Enroll }
  | { readonly type: FrameType.Enrolled; readonly client: string }
  | { readonly type: FrameType.Denied; readonly code: DeniedCode };
