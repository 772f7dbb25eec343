import { ChannelError } from "../association/association.ts";
import { HandshakeRefused, HandshakeTimeout } from "../association/outcome.ts";
import { RefusedReason } from "../wire/associate.ts";
import { NoServerError, PROTOCOL_VERSION, VersionError } from "../wire/greeting.ts";

/**
 * What may help whoever reads that a handshake failed: the likely cause, and how the other channels did.
 *
 * @param error What `initiate` threw.
 */
export function hintOf(error: unknown): string | undefined {
  if (!(error instanceof ChannelError)) return undefined;
  const hints = [likely(error.cause), howOthersDid(error)].flatMap((hint) => hint ?? []);
  return hints.length === 0 ? undefined : hints.join("; ");
}

function likely(cause: unknown): string | undefined {
  if (cause instanceof Deno.errors.ConnectionRefused) return "is the server handler running, and is this its port?";
  if (cause instanceof HandshakeTimeout) return "is the path up, and the port open in every firewall on it?";
  if (cause instanceof NoServerError) return "is this the server handler's port, with nothing in between?";
  if (cause instanceof VersionError) {
    return cause.version > PROTOCOL_VERSION ? "upgrade this client handler" : "upgrade that server handler";
  }
  if (cause instanceof HandshakeRefused && cause.reason === RefusedReason.SharedAddress) {
    return "give each channel an address of its own, which no NAT turns into another's";
  }
  if (cause instanceof Error && /unreachable|no route/i.test(cause.message)) {
    return "does this machine have a route there?";
  }
  return undefined;
}

/** Left out where nothing is known: others may be about to answer when one fails at once. */
function howOthersDid({ others, cause }: ChannelError): string | undefined {
  if (others === undefined || others.count === 0) return undefined;
  const { count, answered } = others;
  if (answered === 0 && !(cause instanceof HandshakeTimeout)) return undefined;
  if (count === 1) return `the other channel has ${answered === 1 ? "answered" : "not answered either"}`;
  if (answered === count) return `the other ${count} channels have answered`;
  return `of the other ${count} channels ${
    answered === 0 ? "none has" : `${answered} ${answered === 1 ? "has" : "have"}`
  } answered`;
}
