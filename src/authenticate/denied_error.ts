import { MicssError } from "../errors/errors.ts";
import { DeniedCode } from "../wire/authenticate.ts";

const MESSAGES: Readonly<Record<DeniedCode, string>> = {
  [DeniedCode.NoProof]: "the server handler admits only clients that it knows",
  [DeniedCode.NotAuthentic]: "the server handler does not know this client's key",
  [DeniedCode.NoSuchKey]: "the server handler does not have the key that this client expects of it",
  [DeniedCode.NotInvited]: "the server handler did not accept the invitation",
  [DeniedCode.Revoked]: "the server handler has removed this client",
};

const HINTS: Readonly<Record<DeniedCode, string>> = {
  [DeniedCode.NoProof]: "give --client-key and the server's key, or join with an invitation",
  [DeniedCode.NotAuthentic]: "is the public half of this client's key among the server's clients, or was it revoked?",
  [DeniedCode.NoSuchKey]: "is servers.NAME.key the public half of one of the server's keys?",
  [DeniedCode.NotInvited]: "ask for a new invitation: each works once, and for a limited time",
  [DeniedCode.Revoked]: "ask the server's administrator",
};

/** The server refused this client. */
export class DeniedError extends MicssError {
  /** Creates the error. @param code The server's reason. */
  constructor(readonly code: DeniedCode) {
    super(MESSAGES[code], { hint: HINTS[code] });
  }
}

/** The server did not prove that it has the key that is configured for it. */
export class ServerNotAuthentic extends MicssError {
  /** Creates the error. */
  constructor() {
    super("the server handler did not prove that it has the key configured for it", {
      hint: "are these the right addresses and the right key? Otherwise it may be another server, or an attack",
    });
  }
}
