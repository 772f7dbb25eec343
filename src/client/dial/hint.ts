import { ChannelError } from "../../association/channel_error.ts";
import { HandshakeRefused, HandshakeTimeout } from "../../association/outcome.ts";
import { MicssError } from "../../errors/errors.ts";
import { RefusedReason, SHORT } from "../../wire/associate.ts";
import { NoServerError, PROTOCOL_VERSION, VersionError } from "../../wire/greeting.ts";

/** Likely causes of a time-out, by the progress of the channel. */
const TIMEOUT_HINTS = {
  nothing: "is the path up, and the port open in every firewall on it?",
  connection:
    "the connection was accepted, but no greeting came: is the server handler overloaded, or is this another program?",
  greeting: "the server handler sent its greeting: is it or this machine overloaded, or has the path failed since?",
} as const;

/**
 * Hint for a failed handshake: its likely cause, and the state of the other channels.
 *
 * @param error The error that `initiate` threw.
 */
export function hintOf(error: unknown): string | undefined {
  if (!(error instanceof ChannelError)) return error instanceof MicssError ? error.hint : undefined;
  const hints = [likelyCause(error), stateOfOthers(error)].flatMap((hint) => hint ?? []);
  return hints.length === 0 ? undefined : hints.join("; ");
}

function likelyCause({ cause, progress }: ChannelError): string | undefined {
  if (cause instanceof Deno.errors.ConnectionRefused) return "is the server handler running, and is this its port?";
  if (cause instanceof HandshakeTimeout) return TIMEOUT_HINTS[progress?.reached ?? "nothing"];
  if (cause instanceof NoServerError) return "is this the server handler's port, without a proxy in between?";
  if (cause instanceof VersionError) {
    return cause.version > PROTOCOL_VERSION ? "upgrade this client handler" : "upgrade that server handler";
  }
  if (cause instanceof HandshakeRefused) return refusalHint(cause);
  if (cause instanceof Error && /unreachable|no route/i.test(cause.message)) {
    return "does this machine have a route there?";
  }
  return undefined;
}

function refusalHint({ reason, scheme }: HandshakeRefused): string | undefined {
  if (reason === RefusedReason.SharedAddress) {
    return "give each channel an address of its own that no NAT translates to another's";
  }
  if (reason !== RefusedReason.Unacceptable) return undefined;
  return scheme === SHORT
    ? "upgrade that server handler if it does not have short shares yet, and give it no threshold; or give shares: full"
    : "give both handlers the same threshold, or none";
}

/** Undefined where nothing is known: when one fails at once, others may be about to answer. */
function stateOfOthers({ progress, cause }: ChannelError): string | undefined {
  if (progress === undefined || progress.others === 0) return undefined;
  const { others: count, answered } = progress;
  if (answered === 0 && !(cause instanceof HandshakeTimeout)) return undefined;
  if (count === 1) return `the other channel has ${answered === 1 ? "answered" : "not answered either"}`;
  if (answered === count) return `the other ${count} channels have answered`;
  return `of the other ${count} channels ${
    answered === 0 ? "none has" : `${answered} ${answered === 1 ? "has" : "have"}`
  } answered`;
}
