import type { Forward } from "../../config/types.ts";
import type { Address } from "../../net/address.ts";
import type { Connection } from "../../net/connection.ts";
import { type Arrival, type Entry, TurnedAway } from "./arrival.ts";
import type { Dialogue } from "./dialogue.ts";

/** The way in that leads to one port behind one server. */
export class ForwardEntry implements Entry {
  readonly name = "forward";
  readonly listen: Address;
  readonly #destination: Address;

  /** A way in. */
  constructor({ listen, server, port }: Forward) {
    this.listen = listen;
    this.#destination = { host: server, port };
  }

  arrive({ connection }: Dialogue): Promise<Arrival> {
    return Promise.resolve(unasked(connection, this.#destination));
  }
}

/** The way in that REDIRECT of iptables or nftables leads to; the kernel remembers where a connection was going. */
export class RedirectEntry implements Entry {
  readonly name = "redirect";
  readonly listen: Address;
  readonly #originalDestination: (connection: Connection) => Address | undefined;

  /**
   * A way in.
   *
   * @param originalDestination Asks the kernel; without an answer it is the connection's local address. May throw.
   */
  constructor(listen: Address, originalDestination: (connection: Connection) => Address | undefined) {
    this.listen = listen;
    this.#originalDestination = originalDestination;
  }

  // deno-lint-ignore require-await -- what it throws is a rejection
  async arrive({ connection }: Dialogue): Promise<Arrival> {
    try {
      const destination = this.#originalDestination(connection) ?? connection.local;
      return { ...unasked(connection, destination), redirected: true };
    } catch (error) {
      throw new TurnedAway(error instanceof Error ? error.message : String(error));
    }
  }
}

/** The way in that TPROXY leads to: the connection's local address is still the one where it was going. */
export class TproxyEntry implements Entry {
  readonly name = "tproxy";
  readonly listen: Address;
  readonly transparent = true;

  /** A way in. */
  constructor(listen: Address) {
    this.listen = listen;
  }

  arrive({ connection }: Dialogue): Promise<Arrival> {
    return Promise.resolve({ ...unasked(connection, connection.local), redirected: true });
  }
}

/** An application that is not asked where it wants to go, and to which all that can be said is a reset. */
function unasked(connection: Connection, destination: Address): Arrival {
  return {
    connection,
    destination,
    refused() {
      connection.reset();
      return Promise.resolve();
    },
  };
}
