import type { Address } from "../../net/address.ts";
import { type Arrival, type Entry, TurnedAway } from "./arrival.ts";
import { type Dialogue, SlowApplication } from "./dialogue.ts";
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
  "not allowed": [403, "connections to there are not allowed"],
  overloaded: [503, "there is too much to do; try again later"],
  failed: [502, "no session with the server handler"],
};

/** The way in for applications that speak HTTP's CONNECT (RFC 9110, 9.3.6), as to any web proxy. */
export class HttpConnectEntry implements Entry {
  readonly name = "http-connect";
  readonly listen: Address;
  readonly #users: Users | undefined;

  /**
   * A way in.
   *
   * @param users Who may use it, by password (RFC 7617); without them everybody who reaches it.
   */
  constructor(listen: Address, users?: Users) {
    this.listen = listen;
    this.#users = users;
  }

  async arrive(dialogue: Dialogue): Promise<Arrival> {
    const { destination, credentials } = await dialogue.hear(decodeConnect()).catch((error) => {
      throw turnedAway(error);
    });
    this.#admit(credentials);
    return {
      connection: dialogue.connection,
      destination,
      ...this.#users !== undefined && { user: new TextDecoder().decode(credentials!.user) },
      accepted: () => dialogue.say(encodeEstablished()),
      refused: (error) => dialogue.end(encodeError(...ANSWERS[refusalOf(error)])),
    };
  }

  #admit(credentials: Credentials | undefined): void {
    if (this.#users === undefined) return;
    if (credentials !== undefined && this.#users.knows(credentials.user, credentials.password)) return;
    const what = credentials === undefined ? "no password" : "an unknown user or a wrong password";
    throw new TurnedAway(what, encodeError(407, "say who you are, by user name and password"));
  }
}

function turnedAway(error: unknown): unknown {
  const status = error instanceof HttpError ? error.status : error instanceof SlowApplication ? 408 : null;
  if (status === null) return error;
  const { message } = error as Error;
  return new TurnedAway(message, encodeError(status, message), { cause: error });
}
