import type { ClientConfig, Server } from "../config/types.ts";
import { type Address, formatAddress } from "../net/address.ts";
import type { Connection, Listener } from "../net/connection.ts";
import { realSystem, type System } from "../net/system.ts";
import { makeTransparent, originalDestination } from "../net/tcp.ts";
import type { Log } from "../observe/log.ts";
import { Liveness } from "../session/liveness.ts";
import { Dialer } from "./dialer.ts";
import { Directory } from "./directory.ts";
import type { Arrival } from "./entry/arrival.ts";
import { type EntryUsers, makeEntries } from "./entry/entries.ts";
import { NotAllowed } from "./entry/refusal.ts";
import { isOwn, ownHosts } from "./own_address.ts";
import { WaysIn } from "./ways_in.ts";

/** The system's part in a client handler, to be replaced in tests. */
export interface ClientSystem extends System {
  /** Where a redirected connection wanted to go. @throws When the system does not know. */
  readonly originalDestination: (connection: Connection) => Address | undefined;
  /** Lets a listener take connections to every address. @throws When the system does not. */
  readonly makeTransparent: (listener: Listener) => void;
}

const realClientSystem: ClientSystem = { ...realSystem, originalDestination, makeTransparent };

/** The client handler: takes applications' connections and carries each in a session to its server handler. */
export class ClientHandler {
  /** Where it listens; real ports where 0 was asked for. */
  readonly waysIn: Pick<WaysIn, "addresses" | "at">;
  readonly #directory: Directory;
  readonly #dialers: ReadonlyMap<Server, Dialer>;
  readonly #waysIn: WaysIn;
  readonly #log: Log;

  /**
   * Starts to listen.
   *
   * @param users Who may use the ways in that can ask.
   * @throws {StartError} When an address can't be listened at; nothing is left open then.
   */
  constructor(config: ClientConfig, log: Log, system: ClientSystem = realClientSystem, users: EntryUsers = {}) {
    const { network, clock } = system;
    const { timeouts, sendSource } = config;
    this.#log = log;
    this.#directory = new Directory(config.servers);
    const options = { timeouts, sendSource, network, clock, log, liveness: new Liveness(clock, timeouts) };
    this.#dialers = new Map(config.servers.map((server) => [server, new Dialer(server, options)]));
    this.waysIn = this.#waysIn = new WaysIn(makeEntries(config, users, system.originalDestination), {
      ...system,
      timeout: timeouts.handshake,
      arrived: (arrival) => this.#carry(arrival),
      log,
    });
  }

  /** Where applications connect to; real ports where 0 was asked for. In the order of the configuration's forwards. */
  get forwards(): readonly Address[] {
    return this.#waysIn.at("forward");
  }

  /** Where redirected connections arrive. */
  get redirects(): readonly Address[] {
    return this.#waysIn.at("redirect");
  }

  /** How many sessions are under way, or about to be. */
  get sessions(): number {
    return this.#waysIn.size;
  }

  /** Takes no more connections. Sessions under way go on. */
  stopListening(): void {
    this.#waysIn.stopListening();
  }

  /** Resolves when no session is under way. */
  async idle(): Promise<void> {
    await this.#waysIn.idle();
  }

  /** Stops listening, aborts what is under way, and waits until all is closed. */
  async close(): Promise<void> {
    await this.#waysIn.close();
    for (const dialer of this.#dialers.values()) dialer.close();
    await this.idle();
  }

  async #carry(arrival: Arrival): Promise<void> {
    let server: Server;
    try {
      server = this.#serverAt(arrival.destination);
    } catch (error) {
      if (!(error instanceof NotAllowed)) throw error;
      this.#log.warn("connection refused", {
        from: formatAddress(arrival.connection.remote),
        destination: formatAddress(arrival.destination),
        reason: error.message,
      });
      return await arrival.refused(error);
    }
    await this.#dialers.get(server)!.carry(arrival, arrival.destination.port);
  }

  /** The server that a destination belongs to. @throws {NotAllowed} When it leads nowhere, or to the handlers. */
  #serverAt(destination: Address): Server {
    const named = this.#directory.named(destination.host);
    if (named !== undefined) return named;
    if (isOwn(destination, this.#waysIn.addresses, ownHosts())) {
      throw new NotAllowed("it leads to this handler itself: connect to the server's address instead");
    }
    if (this.#directory.isChannel(destination)) {
      throw new NotAllowed("it is a channel: let the rules pass what this handler sends, by its user or group");
    }
    const server = this.#directory.find(destination);
    if (server === undefined) throw new NotAllowed("no configured server has this address and port");
    return server;
  }
}
