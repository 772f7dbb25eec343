import { Acceptor } from "../association/accept.ts";
import type { Association } from "../association/association.ts";
import type { ServerConfig } from "../config/types.ts";
import type { Key } from "../identify/key.ts";
import { acceptAll } from "../net/accept_loop.ts";
import { type Address, formatAddress } from "../net/address.ts";
import type { Connection, Listener } from "../net/connection.ts";
import { fileLimit } from "../net/linux.ts";
import { listenAll } from "../net/listen.ts";
import { realSystem, type System } from "../net/system.ts";
import { Activity } from "../observe/activity.ts";
import type { Log } from "../observe/log.ts";
import type { Levels, Observable } from "../observe/observable.ts";
import { ThrottledWarning } from "../observe/throttled.ts";
import { Liveness } from "../session/liveness.ts";
import { Identification } from "./identification.ts";
import { type EffectiveLimits, limitsFor } from "./limits.ts";
import { Service } from "./service.ts";

/** The server handler: takes channels, makes associations of them, and connects their sessions to targets. */
export class ServerHandler implements Observable {
  readonly role = "server";
  readonly activity: Activity;
  /** Where it listens; real ports where 0 was asked for. In the order of the configuration's channels. */
  readonly channels: readonly Address[];
  /** How much it takes. */
  readonly limits: EffectiveLimits;
  readonly #config: ServerConfig;
  readonly #system: System;
  readonly #log: Log;
  readonly #listeners: readonly Listener[];
  readonly #accepting: Promise<unknown>;
  readonly #acceptor: Acceptor;
  readonly #liveness: Liveness;
  readonly #unassociated: ThrottledWarning;
  readonly #full: ThrottledWarning;
  readonly #services = new Map<Service, Promise<void>>();

  /**
   * Starts to listen.
   *
   * @param keys Those that the configuration names.
   * @throws {StartError} When an address can't be listened at; nothing is left open then.
   */
  constructor(config: ServerConfig, log: Log, system: System = realSystem, keys: readonly Key[] = []) {
    const { network, clock } = this.#system = system;
    this.#config = config;
    this.activity = new Activity(clock);
    this.limits = limitsFor(config.limits, fileLimit(), config.channels.length);
    this.#unassociated = new ThrottledWarning(log, clock, "channel not associated");
    this.#full = new ThrottledWarning(log, clock, "limit reached");
    this.#liveness = new Liveness(clock, config.timeouts);
    this.#log = log;
    this.#acceptor = new Acceptor({
      distinctAddresses: config.distinctAddresses,
      timeout: config.timeouts.handshake,
      waiting: { total: this.limits.waiting, perSource: this.limits.waitingPerSource },
      welcome: () => this.#welcome(),
      clock,
      identify: (question, connection) => identification.answer(question, connection),
      associated: (association, took) => this.#serve(association, took),
      failed: ({ remote, local }, reason, outcome) => {
        this.activity.handshakes.count(outcome);
        if (outcome === "crowded-out") this.activity.limitHits.count("waiting");
        this.#unassociated.warn({ from: formatAddress(remote), channel: formatAddress(local), reason });
      },
    });
    this.#listeners = listenAll(network, config.channels);
    this.channels = this.#listeners.map(({ address }) => address);
    this.activity.channels.know("", this.channels);
    const answered = (outcome: string) => this.activity.identified.count(outcome);
    const identification = new Identification({ ...config, keys, channels: this.channels, clock, log, answered });
    const take = (connection: Connection) => this.#acceptor.take(connection);
    this.#accepting = Promise.all(this.#listeners.map((listener) => acceptAll(listener, take, log, clock)));
  }

  /** How many associations there are. */
  get associations(): number {
    return this.#services.size;
  }

  /** How many connections wait, and how many associations there are, beside the most that may be. */
  levels(): Levels {
    const waiting = this.#acceptor.size;
    return {
      waiting,
      limits: [
        { name: "waiting", value: this.limits.waiting, used: waiting },
        { name: "associations", value: this.limits.associations, used: this.associations },
      ],
    };
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

  #serve(association: Association, took: number): void {
    for (const _ of association.connections) this.activity.handshakes.count("associated");
    this.activity.begin(association, took);
    const service = new Service(association, {
      ...this.#system,
      config: this.#config,
      liveness: this.#liveness,
      log: this.#log,
      activity: this.activity,
    });
    this.#services.set(service, service.run().finally(() => this.#services.delete(service)));
  }

  #welcome(): boolean {
    if (this.#services.size < this.limits.associations) return true;
    this.activity.limitHits.count("associations");
    this.#full.warn({ limit: "associations", value: this.limits.associations });
    return false;
  }
}
