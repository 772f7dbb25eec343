import type { Address } from "../../net/address.ts";
import { WireError } from "../../wire/decoder.ts";
import { type Arrival, type DialogueIngress, IngressError, type RelayArrival } from "./arrival.ts";
import type { Dialogue } from "./dialogue.ts";
import { type Refusal, refusalOf } from "./refusal.ts";
import {
  AuthMethod,
  decodeMethods,
  decodePassword,
  decodeRequest,
  encodeMethod,
  encodePasswordStatus,
  encodeReply,
  Reply,
  Socks5Error,
} from "./socks5_messages.ts";
import type { Users } from "./users.ts";

const REPLIES: Readonly<Record<Refusal, Reply>> = {
  refused: Reply.ConnectionRefused,
  unreachable: Reply.HostUnreachable,
  unresolved: Reply.HostUnreachable,
  "not allowed": Reply.NotAllowed,
  overloaded: Reply.GeneralFailure,
  failed: Reply.GeneralFailure,
};

/** Ingress for SOCKS5 (RFC 1928). */
export class Socks5Ingress implements DialogueIngress {
  readonly name = "socks5";

  /**
   * Serves SOCKS5 at an address.
   *
   * @param users Users for password authentication (RFC 1929). Default: no authentication.
   */
  constructor(readonly listen: Address, readonly users?: Users) {}

  async negotiate(dialogue: Dialogue): Promise<Arrival | RelayArrival> {
    const { connection } = dialogue;
    const user = await this.#authenticate(dialogue);
    const request = await dialogue.receive(decodeRequest()).catch((error) => {
      if (!(error instanceof WireError)) throw error;
      const reply = error instanceof Socks5Error ? error.reply : Reply.GeneralFailure;
      throw new IngressError(error.message, encodeReply(reply), { cause: error });
    });
    const common = {
      connection,
      ...user !== undefined && { user },
      refused: (error: unknown) => dialogue.end(encodeReply(REPLIES[refusalOf(error)])),
    };
    if (request.command === "udp-associate") {
      const relayed = (by: Address) => dialogue.send(encodeReply(Reply.Succeeded, by));
      return { ...common, source: request.source, relayed };
    }
    const accepted = () => dialogue.send(encodeReply(Reply.Succeeded));
    return { ...common, destination: request.destination, accepted };
  }

  /** Negotiates authentication. @returns The user, if authentication is required. */
  async #authenticate(dialogue: Dialogue): Promise<string | undefined> {
    const method = this.users === undefined ? AuthMethod.None : AuthMethod.Password;
    const offered = await dialogue.receive(decodeMethods());
    if (!offered.includes(method)) {
      const reason = method === AuthMethod.None ? "requires password authentication" : "offers no password";
      throw new IngressError(`the application ${reason}`, encodeMethod(AuthMethod.Unacceptable));
    }
    await dialogue.send(encodeMethod(method));
    if (this.users === undefined) return undefined;
    const { user, password } = await dialogue.receive(decodePassword());
    const correct = this.users.verify(user, password);
    if (!correct) throw new IngressError("unknown user or wrong password", encodePasswordStatus(false));
    await dialogue.send(encodePasswordStatus(true));
    return new TextDecoder().decode(user);
  }
}
