import { MicssError } from "../../errors/errors.ts";
import type { Connection } from "../../net/connection.ts";
import type { Address } from "../../net/address.ts";
import type { Dialogue } from "./dialogue.ts";

/** An application's connection whose destination is known. */
export interface Arrival {
  /** Owned with the arrival. The next byte read from it is for the destination. */
  readonly connection: Connection;
  /** Requested destination; its host is a server's name, or as from `destinationHost`. */
  readonly destination: Address;
  /** The authenticated user, if the ingress requires authentication. */
  readonly user?: string;
  /** True if a REDIRECT or TPROXY rule brought it here. */
  readonly redirected?: true;
  /**
   * Reports success to the application, before the destination's first byte. Absent if the application believes that it is
   * connected already; it may then send early.
   *
   * @throws If writing fails.
   */
  readonly accepted?: () => Promise<void>;
  /**
   * Reports an error to the application as far as the protocol allows, and ends the connection. Called in place of
   * `accepted`; never rejects.
   */
  readonly refused: (error: unknown) => Promise<void>;
}

/** An application's connection for whose duration its datagrams are to be relayed. */
export interface RelayArrival {
  /** Owned with the arrival. Nothing is expected from it but its end. */
  readonly connection: Connection;
  /** Address that the application says it will send datagrams from, which may be zeros. */
  readonly source: Address | null;
  /** The authenticated user, if the ingress requires authentication. */
  readonly user?: string;
  /** Reports the relay's address to the application. @throws If writing fails. */
  readonly relayed: (by: Address) => Promise<void>;
  /** As for {@linkcode Arrival}; called in place of `relayed`. */
  readonly refused: (error: unknown) => Promise<void>;
}

/** An ingress protocol at a listener: determines the destination of each connection. */
export type IngressProtocol = ImplicitIngress | DialogueIngress;

/** An ingress whose connections have a destination from the start. */
export interface ImplicitIngress extends IngressListener {
  /** Determines a connection's destination. @throws {IngressError} If it has none. */
  arrive(connection: Connection): Arrival;
}

/** An ingress whose applications say where they want to go. */
export interface DialogueIngress extends IngressListener {
  /**
   * Determines a connection's destination, and reads nothing beyond it.
   *
   * @throws {IngressError} If the request is invalid or refused. After any other error the dialogue can't go on.
   */
  negotiate(dialogue: Dialogue): Promise<Arrival | RelayArrival>;
}

/** An ingress's listener. */
interface IngressListener {
  /** Name in log lines. */
  readonly name: "forward" | "redirect" | "tproxy" | "socks5" | "http-connect";
  /** Listening address. */
  readonly listen: Address;
  /** True if its listener must accept connections to other machines' addresses. */
  readonly transparent?: boolean;
}

/** An ingress refuses a connection. The message is for the log, and contains nothing that the application sent. */
export class IngressError extends MicssError {
  /** @param reply Bytes for the application. Default: none; the connection is reset. */
  constructor(message: string, readonly reply?: Uint8Array, options?: ErrorOptions) {
    super(message, options);
  }
}
