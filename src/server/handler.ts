import { Acceptor } from "../association/accept.ts";
import type { Association } from "../association/association.ts";
import { AdmissionQueue, type WaitingLimits } from "../association/admission_queue.ts";
import { live } from "../config/live.ts";
import type { ServerConfig } from "../config/types.ts";
import type { Key } from "../identify/key.ts";
import { acceptAll } from "../net/listen/accept_loop.ts";
import { type Address, formatAddress, portAbove } from "../net/address.ts";
import type { Connection, Listener } from "../net/connection.ts";
import { fileLimit } from "../net/linux/descriptors.ts";
import { listenAll } from "../net/listen/listen.ts";
import { Lookups } from "../net/names/lookups.ts";
import { requirePlainListeners } from "../net/listen/plain_tcp.ts";
import { realSystem, type System } from "../net/system/system.ts";
import { Activity } from "../observe/activity.ts";
import type { Log } from "../log/log.ts";
import type { Levels, Observable } from "../observe/observable.ts";
import { ThrottledWarning } from "../log/throttled.ts";
import { Liveness } from "../session/liveness.ts";
import { padSource } from "../sharing/pads.ts";
import { PROTOCOL_VERSION } from "../wire/greeting.ts";
import { announcedWorkers, perWorkerShare, single, type WorkerGroup } from "../workers/worker_group.ts";
import { Identification } from "./identification.ts";
import { type EffectiveLimits, limitsFor, waitingBeside } from "./limits.ts";
import { Service } from "./service.ts";
import { SourceRate } from "./source_rate.ts";

/** What may be behind a client that closes a connection without a word. */
const LEFT = `did the client fail on another channel, or does it speak another protocol than ${PROTOCOL_VERSION}?`;

/** What a configuration comes to. It never changes: a reload puts another one in its place. */
interface InForce {
  readonly config: ServerConfig;
  readonly limits: EffectiveLimits;
  readonly waiting: WaitingLimits;
  readonly identification: Identification;
}

/** The server handler: takes channels, makes associations of them, and connects their sessions to targets. */
export class ServerHandler implements Observable {
  readonly role = "server";
  readonly activity: Activity;
  /**
   * Where it listens, or the first of its workers; real ports where 0 was asked for. In the order of the configuration's
   * channels.
   */
  readonly channels: readonly Address[];
  /** Where it was told to listen when it started. */
  readonly #asked: readonly Address[];
  #inForce: InForce;
  readonly #system: System;
  readonly #log: Log;
  readonly #listeners: readonly Listener[];
  readonly #accepting: Promise<unknown>;
  readonly #acceptor: Acceptor;
  readonly #liveness: Liveness;
  readonly #lookups: Lookups;
  readonly #rate: SourceRate;
  readonly #crew: WorkerGroup;
  readonly #unassociated: ThrottledWarning;
  readonly #left: ThrottledWarning;
  readonly #full: ThrottledWarning;
  readonly #refused: ThrottledWarning;
  readonly #services = new Map<Service, Promise<void>>();
  /** Those that serve no session. */
  readonly #idle: AdmissionQueue<Service>;

  /**
   * Starts to listen.
   *
   * @param keys Those that the configuration names.
   * @param group The workers that it is one of: number k listens k ports above where it is told to.
   * @throws {StartError} When an address can't be listened at; nothing is left open then.
   */
  constructor(
    config: ServerConfig,
    log: Log,
    system: System = realSystem,
    keys: readonly Key[] = [],
    group: WorkerGroup = single(),
  ) {
    this.#crew = group;
    const { network, clock } = this.#system = system;
    this.#log = log;
    this.activity = new Activity(clock);
    this.#unassociated = new ThrottledWarning(log, clock, "channel not associated");
    // One is enough: every channel of such a client says the same.
    this.#left = new ThrottledWarning(log, clock, "channel not associated", 1);
    this.#full = new ThrottledWarning(log, clock, "limit reached");
    this.#refused = new ThrottledWarning(log, clock, "session refused");
    this.#asked = config.channels;
    this.#listeners = listenAll(network, config.channels.map((channel) => portAbove(channel, group.index)));
    requirePlainListeners(this.#listeners);
    this.channels = this.#listeners.map(({ address }) => portAbove(address, -group.index));
    this.activity.channels.know("", this.channels);
    this.#inForce = this.#comesTo(config, keys);
    const inForce = live(() => this.#inForce);
    this.#liveness = new Liveness(clock, live(() => inForce.config.timeouts));
    this.#lookups = new Lookups(system);
    this.#rate = new SourceRate(clock, {
      get acceptRate() {
        return perWorkerShare(inForce.limits.acceptRate, group, 0);
      },
    });
    this.#idle = new AdmissionQueue({
      total: Infinity,
      get perSource() {
        return perWorkerShare(inForce.limits.idlePerSource, group);
      },
    });
    this.#acceptor = new Acceptor({
      pads: padSource(config.pads),
      get distinctAddresses() {
        return inForce.config.distinctAddresses;
      },
      get timeout() {
        return inForce.config.timeouts.handshake;
      },
      waiting: live(() => inForce.waiting),
      welcome: () => this.#welcome(),
      clock,
      identify: (question, connection) => inForce.identification.answer(question, connection),
      associated: (association, took) => this.#serve(association, took),
      failed: ({ remote, local }, reason, outcome) => {
        this.activity.handshakes.count(outcome);
        if (outcome === "crowded-out") this.activity.limitHits.count("waiting");
        const fields = { from: formatAddress(remote), channel: formatAddress(local), reason };
        if (outcome === "left") this.#left.warn({ ...fields, hint: LEFT });
        else this.#unassociated.warn(fields);
      },
    });
    const take = (connection: Connection) => this.#take(connection);
    this.#accepting = Promise.all(this.#listeners.map((listener) => acceptAll(listener, take, { log, clock })));
  }

  /** How much it takes. */
  get limits(): EffectiveLimits {
    return this.#inForce.limits;
  }

  /** How many associations there are. */
  get associations(): number {
    return this.#services.size;
  }

  /**
   * Takes another configuration into use; nothing that is under way ends. It keeps listening where it does.
   *
   * @param keys Those that the configuration names.
   * @returns The settings that differ and take another start.
   */
  reload(config: ServerConfig, keys: readonly Key[] = []): string[] {
    const { pads } = this.#inForce.config;
    this.#inForce = this.#comesTo(config, keys);
    const moved = config.channels.map(formatAddress).join() !== this.#asked.map(formatAddress).join();
    return [...moved ? ["channels"] : [], ...config.pads === pads ? [] : ["pads"]];
  }

  /** How many connections wait, and how many associations there are, beside the most that may be. */
  levels(): Levels {
    const waiting = this.#acceptor.size;
    return {
      waiting,
      limits: [
        { name: "waiting", value: waitingBeside(this.#crew.carried.value, this.limits), used: waiting },
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

  #comesTo(config: ServerConfig, keys: readonly Key[]): InForce {
    const { channels } = this;
    const limits = limitsFor(config.limits, fileLimit(), channels.length);
    const group = this.#crew;
    return {
      config,
      limits,
      waiting: {
        get total() {
          return perWorkerShare(waitingBeside(group.carried.value, limits), group, channels.length);
        },
        perSource: perWorkerShare(limits.waitingPerSource, group, channels.length),
        association: channels.length,
      },
      identification: new Identification({
        ...config,
        keys,
        channels,
        clock: this.#system.clock,
        log: this.#log,
        answered: (outcome) => this.activity.identified.count(outcome),
      }),
    };
  }

  #take(connection: Connection): void {
    const { remote } = connection;
    if (this.#rate.admits(remote.host)) return this.#acceptor.take(connection);
    this.activity.limitHits.count("accept-rate");
    this.#full.warn({ limit: "accept-rate", value: this.limits.acceptRate, from: formatAddress(remote) });
    connection.reset();
  }

  #serve(association: Association, took: number): void {
    const { carried } = this.#crew;
    if (carried.value >= this.limits.associations) {
      const evicted = this.#idle.next;
      this.#limitReached("associations", this.limits.associations, evicted);
      if (evicted === null) return association.abort();
    }
    for (const _ of association.connections) this.activity.handshakes.count("associated");
    this.activity.begin(association, took, "", this.#crew.index);
    const service = new Service(association, {
      ...this.#system,
      config: live(() => this.#inForce.config),
      lookups: this.#lookups,
      liveness: this.#liveness,
      idle: {
        add: (service) => {
          const evicted = this.#idle.add(service);
          if (evicted !== null) this.#limitReached("idle-per-source", this.limits.idlePerSource, evicted);
        },
        remove: (service) => this.#idle.remove(service),
      },
      log: this.#log,
      refused: this.#refused,
      activity: this.activity,
      workers: announcedWorkers(this.#crew),
    });
    carried.add(1);
    const ended = service.run().finally(() => {
      this.#services.delete(service);
      carried.add(-1);
    });
    this.#services.set(service, ended);
  }

  /** An association that serves no session makes room for one that is to come. */
  #welcome(): boolean {
    if (this.#crew.carried.value < this.limits.associations || this.#idle.next !== null) return true;
    this.#limitReached("associations", this.limits.associations);
    return false;
  }

  #limitReached(limit: string, value: number, evicted: Service | null = null): void {
    this.activity.limitHits.count(limit);
    this.#full.warn({ limit, value, ...evicted !== null && { evicted: evicted.remoteHost } });
    if (evicted === null) return;
    this.#idle.remove(evicted);
    evicted.evict();
  }
}
