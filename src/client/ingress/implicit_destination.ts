import type { Forward } from "../../config/types.ts";
import type { Address } from "../../net/address.ts";
import type { Connection } from "../../net/connection.ts";
import { type Arrival, type ImplicitIngress, IngressError } from "./arrival.ts";

/** Ingress that leads to a fixed port of a fixed server. */
export class ForwardIngress implements ImplicitIngress {
  readonly name = "forward";
  readonly listen: Address;
  readonly #destination: Address;

  /** Serves a forward of the configuration. */
  constructor({ listen, server, port }: Forward) {
    this.listen = listen;
    this.#destination = { host: server, port };
  }

  arrive(connection: Connection): Arrival {
    return new ImplicitArrival(connection, this.#destination);
  }
}

/** Ingress for REDIRECT rules of iptables or nftables; the kernel knows the original destination. */
export class RedirectIngress implements ImplicitIngress {
  readonly name = "redirect";
  readonly listen: Address;
  readonly #originalDestination: (connection: Connection) => Address | undefined;

  /**
   * Serves redirected connections at an address.
   *
   * @param originalDestination Asks the kernel. Undefined means the connection's local address; it may throw.
   */
  constructor(listen: Address, originalDestination: (connection: Connection) => Address | undefined) {
    this.listen = listen;
    this.#originalDestination = originalDestination;
  }

  arrive(connection: Connection): Arrival {
    try {
      const destination = this.#originalDestination(connection) ?? connection.local;
      return new ImplicitArrival(connection, destination, true);
    } catch (error) {
      throw new IngressError(error instanceof Error ? error.message : String(error));
    }
  }
}

/** Ingress for TPROXY rules, which preserve the original destination as the local address. */
export class TproxyIngress implements ImplicitIngress {
  readonly name = "tproxy";
  readonly listen: Address;
  readonly transparent = true;

  /** Serves TPROXY connections at an address. */
  constructor(listen: Address) {
    this.listen = listen;
  }

  arrive(connection: Connection): Arrival {
    return new ImplicitArrival(connection, connection.local, true);
  }
}

/** An arrival without a protocol: the only possible error report is a reset. */
class ImplicitArrival implements Arrival {
  readonly connection: Connection;
  readonly destination: Address;
  readonly redirected?: true;

  constructor(connection: Connection, destination: Address, redirected?: true) {
    this.connection = connection;
    this.destination = destination;
    if (redirected) this.redirected = redirected;
  }

  refused(): Promise<void> {
    this.connection.reset();
    return Promise.resolve();
  }
}
