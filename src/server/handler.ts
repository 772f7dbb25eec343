import { Acceptor } from "../association/accept.ts";
import type { Association } from "../association/association.ts";
import type { ServerConfig } from "../config/types.ts";
import { acceptAll } from "../net/accept_loop.ts";
import { type Address, formatAddress } from "../net/address.ts";
import type { Connection, Listener } from "../net/connection.ts";
import { listenAll } from "../net/listen.ts";
import { realSystem, type System } from "../net/system.ts";
import type { Log } from "../observe/log.ts";
import { Liveness } from "../session/liveness.ts";
import { Service } from "./service.ts";

/** The server handler: takes channels, makes associations of them, and connects their sessions to targets. */
export class ServerHandler {
  /** Where it listens; real ports where 0 was asked for. In the order of the configuration's channels. */
  readonly channels: readonly Address[];
  readonly #config: ServerConfig;
  readonly #system: System;
  readonly #log: Log;
  readonly #listeners: readonly Listener[];
  readonly #accepting: Promise<unknown>;
  readonly #acceptor: Acceptor;
  readonly #liveness: Liveness;
  readonly #services = new Map<Service, Promise<void>>();

  /**
   * Starts to listen.
   *
   * @throws {StartError} When an address can't be listened at; nothing is left open then.
   */
  constructor(config: ServerConfig, log: Log, system: System = realSystem) {
    const { network, clock } = this.#system = system;
    this.#config = config;
    this.#liveness = new Liveness(clock, config.timeouts);
    this.#log = log;
    this.#acceptor = new Acceptor({
      distinctAddresses: config.distinctAddresses,
      timeout: config.timeouts.handshake,
      clock,
      associated: (association) => this.#serve(association),
      failed: (connection, reason) => this.#logFailure(connection, reason),
    });
    this.#listeners = listenAll(network, config.channels);
    this.channels = this.#listeners.map(({ address }) => address);
    const take = (connection: Connection) => this.#acceptor.take(connection);
    this.#accepting = Promise.all(this.#listeners.map((listener) => acceptAll(listener, take, log, clock)));
  }

  /** How many associations there are. */
  get associations(): number {
    return this.#services.size;
  }

  /** Takes no more channels, and ends those that serve no session. Sessions under way go on. */
  stopListening(): void {
    for (const listener of this.#listeners) listener.close();
    this.#acceptor.close();
    for (const service of this.#services.keys()) service.leave();
  }

  /** Resolves when no session is under way and no association is left. */
  async idle(): Promise<void> {
    await Promise.all(this.#services.values());
  }

  /** Stops listening, aborts what is under way, and waits until all is closed. */
  async close(): Promise<void> {
    this.stopListening();
    await this.#accepting;
    for (const service of this.#services.keys()) service.abort();
    await this.idle();
  }

  #serve(association: Association): void {
    const service = new Service(association, {
      ...this.#system,
      config: this.#config,
      liveness: this.#liveness,
      log: this.#log,
    });
    this.#services.set(service, service.run().finally(() => this.#services.delete(service)));
  }

  #logFailure({ remote, local }: Connection, reason: string): void {
    this.#log.warn("channel not associated", { from: formatAddress(remote), channel: formatAddress(local), reason });
  }
}
