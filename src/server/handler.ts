import { Acceptor, type AcceptorSettings } from "../association/accept.ts";
import type { Association } from "../association/association.ts";
import { anyone, type ClientDirectory } from "../authenticate/client_directory.ts";
import type { HandshakeOutcome } from "../association/outcome.ts";
import type { ServerConfig } from "../config/types.ts";
import { reasonOf } from "../errors/errors.ts";
import type { Key } from "../identify/key.ts";
import { acceptAll } from "../net/listen/accept_loop.ts";
import { type Address, formatAddress, portAbove } from "../net/address.ts";
import type { Connection, Listener } from "../net/connection.ts";
import { fileLimit } from "../net/linux/descriptors.ts";
import { listenAll } from "../net/listen/listen.ts";
import { Lookups } from "../net/names/lookups.ts";
import { requirePlainListeners } from "../net/listen/plain_tcp.ts";
import type { DatagramNetwork } from "../net/datagram.ts";
import { systemDatagrams } from "../net/system/datagrams.ts";
import { realSystem, type System } from "../net/system/system.ts";
import { Activity } from "../observe/activity.ts";
import type { Log } from "../log/log.ts";
import type { Levels, Observable } from "../observe/observable.ts";
import type { Check } from "../observe/readiness.ts";
import { RoutesMonitor } from "../observe/routes_monitor.ts";
import { ThrottledWarning } from "../log/throttled.ts";
import type { RoutedChannel } from "../routes/channels.ts";
import { Liveness } from "../session/liveness.ts";
import { CreditBudget } from "../streams/credit_budget.ts";
import { KEPT_BUDGET } from "../association/rejoin.ts";
import { RejoinRegistry } from "../association/rejoin_acceptor.ts";
import { ByteBudget } from "../net/byte_budget.ts";
import { ChannelBreaks } from "../observe/channel_breaks.ts";
import { padSource } from "../sharing/pads.ts";
import { PROTOCOL_VERSION } from "../wire/greeting.ts";
import { Method } from "../wire/identify.ts";
import { announcedWorkers, perWorkerShare, single, type WorkerGroup } from "../workers/worker_group.ts";
import { Capacity } from "./capacity.ts";
import { Identification } from "./identification.ts";
import { type EffectiveLimits, filesUsed, limitsFor, waitingLimit } from "./limits.ts";
import { ServerDatagrams } from "./datagrams.ts";
import { Service } from "./service.ts";
import { SourceRate } from "./source_rate.ts";

/** Hint for a client that closes a connection without sending anything. */
const LEFT_HINT =
  `did the client fail on another channel, or does it speak another protocol version than ${PROTOCOL_VERSION}?`;

/** A configuration and everything derived from it; immutable, and replaced as a whole by a reload. */
interface Current {
  readonly config: ServerConfig;
  readonly limits: EffectiveLimits;
  readonly identification: Identification;
  /** Ed25519 keys that prove the server's identity to clients. */
  readonly keys: readonly Key[];
  readonly clients: ClientDirectory;
}

/** Options of {@linkcode ServerHandler.reload}. */
export interface ServerReloadOptions {
  /** The configuration. */
  readonly config: ServerConfig;
  /** The keys that the configuration names. Default: none. */
  readonly keys?: readonly Key[];
  /** A further key that proves the server's identity, but does not announce its channels. Default: none. */
  readonly identity?: Key | null;
  /** The clients that the configuration names. Default: all who reach the channels. */
  readonly clients?: ClientDirectory;
}

/** Options of {@linkcode ServerHandler}. */
export interface ServerHandlerOptions extends ServerReloadOptions {
  /** Receives the log. */
  readonly log: Log;
  /** Default: the real network and clock. */
  readonly system?: System;
  /** Makes UDP sockets. Default: the system's. */
  readonly datagrams?: DatagramNetwork;
  /** The group to which this worker belongs: worker k listens k ports above the configured ones. Default: a single one. */
  readonly group?: WorkerGroup;
}

/** The server handler: accepts channels, makes associations of them, and connects their sessions to targets. */
export class ServerHandler implements Observable {
  readonly role = "server";
  readonly activity: Activity;
  /**
   * Addresses where it listens, or where its first worker does, in the configuration's order; with the actual ports where 0
   * was configured.
   */
  readonly channels: readonly Address[];
  /** Configuration at the start, some of whose settings stay in effect despite reloads. */
  readonly #initial: ServerConfig;
  #current: Current;
  readonly #system: System;
  readonly #log: Log;
  readonly #listeners: readonly Listener[];
  readonly #accepting: Promise<unknown>;
  readonly #acceptor: Acceptor;
  readonly #liveness: Liveness;
  readonly #lookups: Lookups;
  readonly #rate: SourceRate;
  readonly #group: WorkerGroup;
  readonly #unassociated: ThrottledWarning;
  readonly #left: ThrottledWarning;
  readonly #refused: ThrottledWarning;
  readonly #denied: ThrottledWarning;
  readonly #failed: ThrottledWarning;
  readonly #services = new Map<Service, Promise<void>>();
  readonly #budget = new CreditBudget();
  readonly #kept = new ByteBudget(KEPT_BUDGET);
  readonly #rejoins = new RejoinRegistry();
  readonly #breaks: ChannelBreaks;
  readonly #capacity: Capacity;
  readonly #datagramNetwork: DatagramNetwork;
  #datagrams: ServerDatagrams | null = null;
  /** True once it does not listen any more. */
  #stopped = false;
  #routes: RoutesMonitor | undefined;

  /**
   * Starts to listen.
   *
   * @throws {StartError} If it can't listen at an address; nothing is left open then.
   */
  constructor(
    { log, system = realSystem, datagrams = systemDatagrams, group = single(), ...loaded }: ServerHandlerOptions,
  ) {
    const { config } = loaded;
    this.#group = group;
    const { network, clock } = this.#system = system;
    this.#log = log;
    this.activity = new Activity(clock);
    this.#unassociated = new ThrottledWarning(log, clock, "channel not associated");
    // One line is enough: every channel of such a client reports the same.
    this.#left = new ThrottledWarning(log, clock, "channel not associated", 1);
    this.#refused = new ThrottledWarning(log, clock, "session refused");
    this.#denied = new ThrottledWarning(log, clock, "client refused");
    this.#failed = new ThrottledWarning(log, clock, "association failed");
    this.#breaks = new ChannelBreaks(this.activity, log);
    this.#initial = config;
    this.#listeners = listenAll(network, config.channels.map((channel) => portAbove(channel, group.index)));
    requirePlainListeners(this.#listeners);
    this.#datagramNetwork = datagrams;
    this.channels = this.#listeners.map(({ address }) => portAbove(address, -group.index));
    this.activity.channels.know("", this.channels);
    this.#current = this.#derive(loaded);
    try {
      this.#openDatagrams();
    } catch (error) {
      for (const listener of this.#listeners) listener.close();
      throw error;
    }
    this.#liveness = new Liveness(clock, () => this.#current.config.timeouts);
    this.#lookups = new Lookups(system);
    this.#rate = new SourceRate(clock, () => perWorkerShare(this.limits.acceptRate, group, 0));
    this.#capacity = new Capacity({
      limits: () => this.limits,
      group,
      channels: this.channels.length,
      activity: this.activity,
      log,
      clock,
    });
    this.#acceptor = new Acceptor({
      pads: padSource(config.pads),
      clock,
      settings: () => this.#acceptorSettings(),
      welcome: () => this.#capacity.welcomesAssociation,
      identify: (question, connection) => this.#current.identification.answer(question, connection),
      rejoin: (...request) => this.#rejoins.verify(...request),
      associated: (association, duration) => this.#serve(association, duration),
      failed: (connection, reason, outcome) => this.#notAssociated(connection, reason, outcome),
    });
    const take = (connection: Connection) => this.#take(connection);
    this.#accepting = Promise.all(this.#listeners.map((listener) => acceptAll(listener, take, { log, clock })));
  }

  /** The limits in force. */
  get limits(): EffectiveLimits {
    return this.#current.limits;
  }

  /** Number of associations. */
  get associations(): number {
    return this.#services.size;
  }

  /**
   * Applies another configuration. The listening addresses stay, and sessions go on, except those of clients that are not
   * admitted any more.
   *
   * @returns The changed settings that take effect only after a restart.
   */
  reload(loaded: ServerReloadOptions): string[] {
    const { channels, pads } = this.#initial, { config } = loaded;
    this.#current = this.#derive(loaded);
    try {
      this.#openDatagrams();
    } catch (error) {
      this.#log.warn("no datagrams", { reason: reasonOf(error) });
    }
    this.review();
    const moved = config.channels.map(formatAddress).join() !== channels.map(formatAddress).join();
    return [...moved ? ["channels"] : [], ...config.pads === pads ? [] : ["pads"]];
  }

  /** Ends the associations and sessions of clients that are not admitted any more. */
  review(): void {
    for (const service of this.#services.keys()) service.review();
  }

  /** Numbers of waiting connections, associations and sessions, with their limits. */
  levels(): Levels {
    const waiting = this.#acceptor.size, { limits } = this, { usage, sessions } = this.#capacity;
    const routes = this.#routes?.routes;
    return {
      ...routes !== undefined && { routes },
      waiting,
      limits: [
        { name: "waiting", value: waitingLimit(usage, limits), used: waiting },
        { name: "associations", value: limits.associations, used: this.associations },
        { name: "sessions", value: limits.sessions, used: sessions },
        { name: "files", value: limits.files, used: filesUsed(usage, limits) },
      ],
    };
  }

  /** Starts to report when routes no longer keep channels apart. @param channels Lists the channels. */
  monitorRoutes(channels: () => Promise<readonly RoutedChannel[]>): void {
    this.#routes ??= new RoutesMonitor({ channels, always: false, log: this.#log, clock: this.#system.clock });
  }

  /** Checks of the channels' routes, for readiness; none without {@linkcode ServerHandler.monitorRoutes}. */
  get routesChecks(): Check[] {
    return this.#routes?.checks ?? [];
  }

  /** Stops accepting channels, and ends the associations without a session. Sessions go on. */
  stopListening(): void {
    this.#routes?.close();
    this.#stopped = true;
    for (const listener of this.#listeners) listener.close();
    this.#datagrams?.close();
    this.#datagrams = null;
    this.#acceptor.close();
    for (const service of this.#services.keys()) service.leave();
  }

  /** Resolves when all sessions and associations have ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#services.values());
  }

  /** Stops listening, aborts all sessions and associations, and waits until they are closed. */
  async close(): Promise<void> {
    this.stopListening();
    await this.#accepting;
    for (const service of this.#services.keys()) service.abort();
    await this.idle();
  }

  #derive({ config, keys = [], identity = null, clients = anyone }: ServerReloadOptions): Current {
    const { channels } = this;
    return {
      config,
      keys: [...keys, ...identity === null ? [] : [identity]].filter(({ method }) => method === Method.Ed25519),
      clients,
      limits: limitsFor(config.limits, fileLimit(), channels.length),
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

  /** Binds UDP sockets beside the listeners, once there is a target of datagrams. @throws {StartError} If it can't. */
  #openDatagrams(): void {
    const { config } = this.#current, { clock } = this.#system;
    if (this.#datagrams !== null || this.#stopped || config.udpTargets.length === 0) return;
    this.#datagrams = new ServerDatagrams({
      network: this.#datagramNetwork,
      channels: this.#listeners.map(({ address }) => address),
      pads: padSource(config.pads),
      clock,
      counts: this.activity.datagrams,
      log: this.#log,
    });
  }

  #acceptorSettings(): AcceptorSettings {
    const { config, limits } = this.#current;
    const { length } = this.channels;
    return {
      distinctAddresses: config.distinctAddresses,
      timeout: config.timeouts.handshake,
      ...config.threshold !== undefined && { threshold: config.threshold },
      waiting: {
        total: perWorkerShare(waitingLimit(this.#capacity.usage, limits), this.#group, length),
        perSource: perWorkerShare(limits.waitingPerSource, this.#group, length),
        association: length,
      },
    };
  }

  #notAssociated({ remote, local }: Connection, reason: string, outcome: HandshakeOutcome): void {
    this.activity.handshakes.count(outcome);
    if (outcome === "crowded-out") this.activity.limitHits.count("waiting");
    const fields = { from: formatAddress(remote), channel: formatAddress(local), reason };
    if (outcome === "left") this.#left.warn({ ...fields, hint: LEFT_HINT });
    else this.#unassociated.warn(fields);
  }

  #take(connection: Connection): void {
    const { remote } = connection;
    if (this.#rate.admits(remote.host)) return this.#acceptor.take(connection);
    this.#capacity.tooFast(formatAddress(remote));
    connection.reset();
  }

  #serve(association: Association, duration: number): void {
    if (!this.#capacity.makeRoom("association")) return association.abort();
    for (const _ of association.connections) this.activity.handshakes.count("associated");
    this.activity.begin(association, duration, "", this.#group.index);
    const service = new Service(association, {
      ...this.#system,
      config: () => this.#current.config,
      lookups: this.#lookups,
      liveness: this.#liveness,
      log: this.#log,
      failed: this.#failed,
      capacity: this.#capacity,
      limits: () => this.limits,
      budget: this.#budget,
      kept: this.#kept,
      rejoins: this.#rejoins,
      breaks: this.#breaks,
      refused: this.#refused,
      activity: this.activity,
      workers: announcedWorkers(this.#group),
      datagrams: () => this.#datagrams,
      datagramNetwork: this.#datagramNetwork,
      keys: () => this.#current.keys,
      clients: () => this.#current.clients,
      denied: this.#denied,
    });
    const { channels } = this.#group, { length } = this.channels;
    channels.add(length);
    association.over.then(() => channels.add(-length));
    const ended = service.run().finally(() => this.#services.delete(service));
    this.#services.set(service, ended);
  }
}
