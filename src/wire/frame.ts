import type { Open } from "./open.ts";
import type { Workers } from "./workers.ts";

/** Type of a frame (docs/PROTOCOL.md 4). */
export enum FrameType {
  /** The key and first mask of a direction's frames; sent first, once per association. */
  Key = 0,
  /** Begins a session; sent by the client. */
  Open = 1,
  /** Answers OPEN; sent by the server. */
  Result = 2,
  /** Application data. */
  Data = 3,
  /** Ends this direction of the session: a half-close. */
  End = 4,
  /** Aborts the session, and the association with it. */
  Reset = 5,
  /** Asks for a sign of life. */
  Ping = 6,
  /** Answers PING. */
  Pong = 7,
  /** Announces that this association takes no new session. */
  Bye = 8,
  /** Number of the server handler's event loops; directly after KEY or not at all. */
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
  /** No target is configured for that destination. */
  NotAllowed = 3,
  /** The server is overloaded. */
  Overloaded = 4,
  /** The server did not process the OPEN: it may be retried on another association. */
  NotProcessed = 5,
}

/** Reason for aborting a session. */
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

/**
 * Length in bytes of a frame's head: type `u8`, body length `u24`, the next frame's mask and this frame's tag, 16 bytes
 * each; in KEY, the key and the first mask.
 */
export const FRAME_HEAD_LENGTH = 36;

/** Maximum length of a DATA frame's body in bytes. */
export const MAX_DATA = 524_288;

/** Maximum length of a PING's or PONG's body in bytes. */
export const MAX_PING = 8;

/** Maximum length of a RESULT's text in bytes of UTF-8. */
export const MAX_RESULT_TEXT = 200;

/** A decoded frame. */
export type Frame =
  | { readonly type: FrameType.Key | FrameType.End | FrameType.Bye }
  | { readonly type: FrameType.Open; readonly open: Open }
  | { readonly type: FrameType.Result; readonly code: ResultCode; readonly text: string }
  /** A piece of a DATA frame's body, lent until more bytes are pushed. */
  | { readonly type: FrameType.Data; readonly bytes: Uint8Array }
  | { readonly type: FrameType.Reset; readonly code: ResetCode }
  | { readonly type: FrameType.Ping | FrameType.Pong; readonly payload: Uint8Array }
  | { readonly type: FrameType.Workers; readonly workers: Workers };
