import type { Open } from "./open.ts";
import type { Workers } from "./workers.ts";

/** What a frame is for (docs/PROTOCOL.md 4). */
export enum FrameType {
  /** The key and the first mask of a direction's frames; the first of them, once per association. */
  Key = 0,
  /** The client begins a session. */
  Open = 1,
  /** The server's answer to it. */
  Result = 2,
  /** Bytes of the application's. */
  Data = 3,
  /** This direction of the session has ended: a half-close. */
  End = 4,
  /** The session was aborted, and the association with it. */
  Reset = 5,
  /** A sign of life that asks for one. */
  Ping = 6,
  /** The answer to it. */
  Pong = 7,
  /** No new session on this association. */
  Bye = 8,
  /** How many event loops the server handler has; right behind KEY or nowhere. */
  Workers = 9,
}

/** The server's answer to OPEN. */
export enum ResultCode {
  /** The target is connected. */
  Ok = 0,
  /** The target refused the connection. */
  Refused = 1,
  /** The target could not be reached, or not in time. */
  Unreachable = 2,
  /** The configuration names no target for that destination. */
  NotAllowed = 3,
  /** The server has too much to do. */
  Overloaded = 4,
  /** The server did not look at the OPEN: it may be sent again on another association. */
  NotProcessed = 5,
}

/** Why a session was aborted. */
export enum ResetCode {
  /** The application, or the target, reset its connection. */
  Application = 1,
  /** The handler is ending. */
  Shutdown = 2,
  /** A limit was reached. */
  Limit = 3,
  /** The other side broke the protocol. */
  Protocol = 4,
}

/** A type's name in messages, as docs/PROTOCOL.md writes it. */
export function frameName(type: FrameType): string {
  return FrameType[type]!.toUpperCase();
}

/**
 * The length in bytes of a frame's head: type `u8`, the body's length `u24`, the next frame's mask and this one's tag, 16
 * bytes each; in KEY, the key and the first mask.
 */
export const FRAME_HEAD_LENGTH = 36;

/** The most bytes of a DATA frame's body. */
export const MOST_DATA = 524_288;

/** The most bytes that a PING or PONG carries. */
export const MOST_PING = 8;

/** The most bytes of a RESULT's text, in UTF-8. */
export const MOST_RESULT_TEXT = 200;

/** A frame as the decoder gives it. */
export type Frame =
  | { readonly type: FrameType.Key | FrameType.End | FrameType.Bye }
  | { readonly type: FrameType.Open; readonly open: Open }
  | { readonly type: FrameType.Result; readonly code: ResultCode; readonly text: string }
  /** A piece of a DATA frame's body, lent until the decoder is given more bytes. */
  | { readonly type: FrameType.Data; readonly bytes: Uint8Array }
  | { readonly type: FrameType.Reset; readonly code: ResetCode }
  | { readonly type: FrameType.Ping | FrameType.Pong; readonly payload: Uint8Array }
  | { readonly type: FrameType.Workers; readonly workers: Workers };
