import type { Address } from "../../net/address.ts";
import { WireError } from "../../wire/decoder.ts";
import { type Arrival, type Entry, TurnedAway } from "./arrival.ts";
import type { Dialogue } from "./dialogue.ts";
import { type Refusal, refusalOf } from "./refusal.ts";
import {
  decodeMethods,
  decodePassword,
  decodeRequest,
  encodeMethod,
  encodePasswordStatus,
  encodeReply,
  Method,
  Reply,
  Socks5Error,
} from "./socks5_messages.ts";
import type { Users } from "./users.ts";

const REPLIES: Readonly<Record<Refusal, Reply>> = {
  refused: Reply.ConnectionRefused,
  unreachable: Reply.HostUnreachable,
  "not allowed": Reply.NotAllowed,
  overloaded: Reply.GeneralFailure,
  failed: Reply.GeneralFailure,
};

/** The way in for applications that speak SOCKS5 (RFC 1928): they say where to connect, and learn whether it worked. */
export class Socks5Entry implements Entry {
  readonly name = "socks5";
  readonly listen: Address;
  readonly #users: Users | undefined;

  /**
   * A way in.
   *
   * @param users Who may use it, by password (RFC 1929); without them everybody who reaches it.
   */
  constructor(listen: Address, users?: Users) {
    this.listen = listen;
    this.#users = users;
  }

  async arrive(dialogue: Dialogue): Promise<Arrival> {
    const { connection } = dialogue;
    const user = await this.#admit(dialogue);
    const destination = await dialogue.hear(decodeRequest()).catch((error) => {
      if (!(error instanceof WireError)) throw error;
      const reply = error instanceof Socks5Error ? error.reply : Reply.GeneralFailure;
      throw new TurnedAway(error.message, encodeReply(reply), { cause: error });
    });
    return {
      connection,
      destination,
      ...user !== undefined && { user },
      accepted: () => dialogue.say(encodeReply(Reply.Succeeded)),
      refused: (error) => dialogue.end(encodeReply(REPLIES[refusalOf(error)])),
    };
  }

  /** Agrees on how to tell who the client is. @returns The user, where one is asked for. */
  async #admit(dialogue: Dialogue): Promise<string | undefined> {
    const method = this.#users === undefined ? Method.None : Method.Password;
    const offered = await dialogue.hear(decodeMethods());
    if (!offered.includes(method)) {
      const lacks = method === Method.None ? "insists on a password" : "offers no password";
      throw new TurnedAway(`the application ${lacks}`, encodeMethod(Method.Unacceptable));
    }
    await dialogue.say(encodeMethod(method));
    if (this.#users === undefined) return undefined;
    const { user, password } = await dialogue.hear(decodePassword());
    const right = this.#users.knows(user, password);
    if (!right) throw new TurnedAway("an unknown user or a wrong password", encodePasswordStatus(false));
    await dialogue.say(encodePasswordStatus(true));
    return new TextDecoder().decode(user);
  }
}
