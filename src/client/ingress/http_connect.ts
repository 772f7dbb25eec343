import type { Address } from "../../net/address.ts";
import { type Arrival, type DialogueIngress, IngressError } from "./arrival.ts";
import { ApplicationTimeout, type Dialogue } from "./dialogue.ts";
import {
  type Credentials,
  decodeConnect,
  encodeError,
  encodeEstablished,
  type ErrorStatus,
  HttpError,
} from "./http_messages.ts";
import { type Refusal, refusalOf } from "./refusal.ts";
import type { Users } from "./users.ts";

const ANSWERS: Readonly<Record<Refusal, readonly [ErrorStatus, string]>> = {
  refused: [502, "the target refused the connection"],
  unreachable: [504, "the target can't be reached"],
  // As RFC 9209, 2.3.2, recommends for dns_error.
  unresolved: [502, "the name can't be resolved"],
  "not allowed": [403, "connections to this destination are not allowed"],
  overloaded: [503, "too many sessions; try again later"],
  failed: [502, "the session with the server handler failed"],
};

/** Ingress for HTTP CONNECT (RFC 9110, 9.3.6), as of any web proxy. */
export class HttpConnectIngress implements DialogueIngress {
  readonly name = "http-connect";

  /**
   * Serves HTTP CONNECT at an address.
   *
   * @param users Users for Basic authentication (RFC 7617). Default: no authentication.
   */
  constructor(readonly listen: Address, readonly users?: Users) {}

  async negotiate(dialogue: Dialogue): Promise<Arrival> {
    const { destination, credentials } = await dialogue.receive(decodeConnect()).catch((error) => {
      throw toIngressError(error);
    });
    this.#authenticate(credentials);
    return {
      connection: dialogue.connection,
      destination,
      ...this.users !== undefined && { user: new TextDecoder().decode(credentials!.user) },
      accepted: () => dialogue.send(encodeEstablished()),
      refused: (error) => dialogue.end(encodeError(...ANSWERS[refusalOf(error)])),
    };
  }

  #authenticate(credentials: Credentials | undefined): void {
    if (this.users === undefined) return;
    if (credentials !== undefined && this.users.verify(credentials.user, credentials.password)) return;
    const reason = credentials === undefined ? "no password" : "unknown user or wrong password";
    throw new IngressError(reason, encodeError(407, "authentication required: give user name and password"));
  }
}

function toIngressError(error: unknown): unknown {
  const status = error instanceof HttpError ? error.status : error instanceof ApplicationTimeout ? 408 : null;
  if (status === null) return error;
  const { message } = error as Error;
  return new IngressError(message, encodeError(status, message), { cause: error });
}
