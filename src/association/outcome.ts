import { MicssError } from "../errors/errors.ts";
import { isUnavailable } from "../net/retry.ts";
import { RefusedReason } from "../wire/associate.ts";
import { WireError } from "../wire/decoder.ts";
import { ChannelError } from "./association.ts";

/** How a handshake ended; where it was refused, why. */
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
   * An error in words.
   *
   * @param reason What the server handler says.
   */
  constructor(readonly reason: RefusedReason) {
    super(WORDS[reason]);
  }

  /** Whether the reason says what is wrong. Otherwise another channel has met that, and is about to tell. */
  get telling(): boolean {
    return this.reason !== RefusedReason.UnknownCookie && this.reason !== RefusedReason.Mismatch;
  }
}

/** The other side took too long. */
export class HandshakeTimeout extends MicssError {}

const WORDS: Readonly<Record<RefusedReason, string>> = {
  [RefusedReason.Unacceptable]: "refused: the server handler does not do this scheme, or this threshold",
  [RefusedReason.UnknownCookie]: "refused: the list names a connection that the server handler does not have",
  [RefusedReason.Mismatch]: "refused: another channel sent another list, or ended",
  [RefusedReason.SharedAddress]: "refused: two channels arrived at the same address of the server handler",
  [RefusedReason.Overloaded]: "refused: the server handler has too much to do",
};

/** The outcome of a handshake that was refused. */
export function refusedFor(reason: RefusedReason): HandshakeOutcome {
  return `refused-${RefusedReason[reason].replace(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase()}`;
}

/** The outcome of a handshake that ended with an error; a {@linkcode ChannelError} is what caused it. */
export function outcomeOf(error: unknown): HandshakeOutcome {
  const cause = error instanceof ChannelError ? error.cause : error;
  if (cause instanceof HandshakeTimeout) return "timed-out";
  return cause instanceof HandshakeRefused ? refusedFor(cause.reason) : "failed";
}

/**
 * Whether a handshake that ended with an error may succeed a moment later: nothing listened there, or a server handler that
 * took another one's place meanwhile. Then a channel is refused or reset, or some channels met one and some the other.
 */
export function mayPass(error: unknown): boolean {
  const cause = error instanceof ChannelError ? error.cause : error;
  return cause instanceof HandshakeRefused ? !cause.telling : isUnavailable(cause ?? new Deno.errors.UnexpectedEof());
}
