import { MicssError } from "../errors/errors.ts";
import { isUnavailable } from "../net/retry.ts";
import { RefusedReason } from "../wire/associate.ts";
import { WireError } from "../wire/decoder.ts";
import { ChannelError } from "./channel_error.ts";

/** Result of a handshake; the reason where it was refused. */
export type HandshakeOutcome =
  | "associated"
  | "timed-out"
  | "crowded-out"
  | "left"
  | "failed"
  | `refused-${string}`;

/** The server handler refused the list that the client sent. */
export class HandshakeRefused extends WireError {
  /**
   * Creates the error.
   *
   * @param reason The server handler's reason.
   * @param scheme Number of the list's sharing scheme; undefined for a refused channel of an association that is there.
   */
  constructor(readonly reason: RefusedReason, readonly scheme?: number) {
    super(MESSAGES[reason]);
  }

  /** False if the reason only follows from a failure on another channel, which is about to report it. */
  get conclusive(): boolean {
    return this.reason !== RefusedReason.UnknownCookie && this.reason !== RefusedReason.Mismatch;
  }
}

/** The handshake did not finish in time. */
export class HandshakeTimeout extends MicssError {}

const MESSAGES: Readonly<Record<RefusedReason, string>> = {
  [RefusedReason.Unacceptable]: "refused: the server handler does not support these shares or this threshold",
  [RefusedReason.UnknownCookie]: "refused: the list names a connection that the server handler does not have",
  [RefusedReason.Mismatch]: "refused: another channel sent a different list, or ended",
  [RefusedReason.SharedAddress]: "refused: two channels arrived at the same address of the server handler",
  [RefusedReason.Overloaded]: "refused: the server handler is overloaded",
  [RefusedReason.NotOffered]: "refused: the server handler no longer has the association",
};

/** The outcome of a refused handshake. */
export function refusedFor(reason: RefusedReason): HandshakeOutcome {
  return `refused-${RefusedReason[reason].replace(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase()}`;
}

/** The outcome of a failed handshake, by its error or the cause of its {@linkcode ChannelError}. */
export function outcomeOf(error: unknown): HandshakeOutcome {
  const cause = error instanceof ChannelError ? error.cause : error;
  if (cause instanceof HandshakeTimeout) return "timed-out";
  return cause instanceof HandshakeRefused ? refusedFor(cause.reason) : "failed";
}

/**
 * True if a failed handshake may succeed a moment later, because a server handler is being replaced: then a channel is
 * refused or reset, or some channels reached the old server handler and some the new one.
 */
export function mayPass(error: unknown): boolean {
  const cause = error instanceof ChannelError ? error.cause : error;
  return cause instanceof HandshakeRefused
    ? !cause.conclusive
    : isUnavailable(cause ?? new Deno.errors.UnexpectedEof());
}
