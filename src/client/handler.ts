import type { ClientConfig, Server } from "../config/types.ts";
import { acceptAll } from "../net/accept_loop.ts";
import { type Address, formatAddress } from "../net/address.ts";
import type { Connection, Listener } from "../net/connection.ts";
import { listenAll } from "../net/listen.ts";
import { realSystem, type System } from "../net/system.ts";
import { originalDestination } from "../net/tcp.ts";
import type { Log } from "../observe/log.ts";
import { Liveness } from "../session/liveness.ts";
import { Dialer } from "./dialer.ts";
import { Directory } from "./directory.ts";
import { isOwn, ownHosts } from "./own_address.ts";

/** The system's part in a client handler, to be replaced in tests. */
export interface ClientSystem extends System {
  /** Where a redirected connection wanted to go. @throws When the system does not know. */
  readonly originalDestination: (connection: Connection) => Address | undefined;
}

const realClientSystem: ClientSystem = { ...realSystem, originalDestination };

/** The client handler: takes applications' connections and carries each in a session to its server handler. */
export class ClientHandler {
  /** Where applications connect to; real ports where 0 was asked for. In the order of the configuration's forwards. */
  readonly forwards: readonly Address[];
  /** Where redirected connections arrive. */
  readonly redirects: readonly Address[];
  readonly #directory: Directory;
  readonly #dialers: ReadonlyMap<Server, Dialer>;
  readonly #listeners: readonly Listener[];
  readonly #accepting: Promise<unknown>;
  readonly #sessions = new Set<Promise<void>>();
  readonly #system: ClientSystem;
  readonly #log: Log;

  /**
   * Starts to listen.
   *
   * @throws {StartError} When an address can't be listened at; nothing is left open then.
   */
  constructor(config: ClientConfig, log: Log, system: ClientSystem = realClientSystem) {
    const { network, clock } = this.#system = system;
    this.#log = log;
    this.#directory = new Directory(config.servers);
    const liveness = new Liveness(clock, config.timeouts);
    const options = { timeouts: config.timeouts, network, clock, log, liveness };
    this.#dialers = new Map(config.servers.map((server) => [server, new Dialer(server, options)]));
    const entries = config.forwards.map(({ listen }) => listen).concat(config.redirects);
    this.#listeners = listenAll(network, entries);
    const addresses = this.#listeners.map(({ address }) => address);
    this.forwards = addresses.slice(0, config.forwards.length);
    this.redirects = addresses.slice(config.forwards.length);
    this.#accepting = Promise.all(this.#listeners.map((listener, index) => {
      const forward = config.forwards[index];
      const take = forward === undefined
        ? (connection: Connection) => this.#redirected(connection)
        : (connection: Connection) => this.#carry(connection, this.#directory.named(forward.server)!, forward.port);
      return acceptAll(listener, take, log, clock);
    }));
  }

  /** How many sessions are under way. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Takes no more connections. Sessions under way go on. */
  stopListening(): void {
    for (const listener of this.#listeners) listener.close();
  }

  /** Resolves when no session is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.#sessions);
  }

  /** Stops listening, aborts what is under way, and waits until all is closed. */
  async close(): Promise<void> {
    this.stopListening();
    await this.#accepting;
    for (const dialer of this.#dialers.values()) dialer.close();
    await this.idle();
  }

  #redirected(connection: Connection): void {
    const refuse = (reason: string, destination?: Address) => {
      this.#log.warn("connection refused", {
        from: formatAddress(connection.remote),
        destination: destination && formatAddress(destination),
        reason,
      });
      connection.reset();
    };
    let destination: Address;
    try {
      destination = this.#system.originalDestination(connection) ?? connection.local;
    } catch (error) {
      return refuse(error instanceof Error ? error.message : String(error));
    }
    const own = this.#listeners.map(({ address }) => address);
    if (isOwn(destination, own, ownHosts())) {
      return refuse("it leads to this handler itself: connect to the server's address instead", destination);
    }
    if (this.#directory.isChannel(destination)) {
      return refuse("it is a channel: let the rules pass what this handler sends, by its user or group", destination);
    }
    const server = this.#directory.find(destination);
    if (server === undefined) return refuse("no configured server has this address and port", destination);
    this.#carry(connection, server, destination.port);
  }

  #carry(connection: Connection, server: Server, port: number): void {
    const session = this.#dialers.get(server)!.carry(connection, port).finally(() => this.#sessions.delete(session));
    this.#sessions.add(session);
  }
}
