import { MicssError } from "../../errors/errors.ts";
import type { Connection } from "../../net/connection.ts";
import type { Address } from "../../net/address.ts";
import type { Dialogue } from "./dialogue.ts";

/** An application's connection, once its way in knows where it wants to connect. */
export interface Arrival {
  /** Owned by whoever has the arrival. Whatever is read from it next is for the destination. */
  readonly connection: Connection;
  /** Where it wants to connect. The host is a server's name, or as `destinationHost` gives it. */
  readonly destination: Address;
  /** The user that the application has proved to be, where its way in asks. */
  readonly user?: string;
  /** Whether a rule led it here: REDIRECT's, or TPROXY's. */
  readonly redirected?: true;
  /**
   * Tells the application that it is connected, before the first byte from there. Absent where it believes that already:
   * it may then speak before it is so.
   *
   * @throws What writing throws.
   */
  readonly accepted?: () => Promise<void>;
  /**
   * Tells the application, as well as its way in can, why it is not connected, and ends the connection. To be called
   * instead of `accepted`; never rejects.
   */
  readonly refused: (error: unknown) => Promise<void>;
}

/** A way in: where applications connect to, and how they say where they want to go from there. */
export interface Entry {
  /** What log lines call it. */
  readonly name: "forward" | "redirect" | "tproxy" | "socks5" | "http-connect";
  /** Where it listens. */
  readonly listen: Address;
  /** Whether its listener must take connections to addresses that this machine does not have. */
  readonly transparent?: boolean;
  /**
   * Finds out where a connection wants to go, reading no byte beyond that.
   *
   * @throws {TurnedAway} When the application asks for what can't be. What else it throws has ended the conversation.
   */
  arrive(dialogue: Dialogue): Promise<Arrival>;
}

/** A way in does not take a connection; the message says why, for a log, and holds no byte that was sent. */
export class TurnedAway extends MicssError {
  /**
   * An error in words.
   *
   * @param words What the application is told, as its protocol has it; without them the connection is reset.
   */
  constructor(message: string, readonly words?: Uint8Array, options?: ErrorOptions) {
    super(message, options);
  }
}
