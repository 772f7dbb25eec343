import { reasonOf } from "../errors/errors.ts";
import { live } from "../config/live.ts";
import type { ClientConfig } from "../config/types.ts";
import { systemDatabasePath } from "../identify/database.ts";
import type { ScopedKey } from "../identify/learned.ts";
import { type Address, formatAddress } from "../net/address.ts";
import type { Connection, Listener } from "../net/connection.ts";
import { fileLimit } from "../net/linux/descriptors.ts";
import { realSystem, type System } from "../net/system/system.ts";
import { makeTransparent, originalDestination } from "../net/system/tcp.ts";
import { Activity } from "../observe/activity.ts";
import type { Log } from "../log/log.ts";
import type { Levels, Observable } from "../observe/observable.ts";
import { ThrottledWarning } from "../log/throttled.ts";
import { padSource } from "../sharing/pads.ts";
import { Liveness } from "../session/liveness.ts";
import { PendingRequests } from "../session/session.ts";
import { perWorkerShare, single, type WorkerGroup } from "../workers/worker_group.ts";
import { Dialers } from "./dial/dialers.ts";
import { Direct } from "./dial/direct.ts";
import { Directory, type Found } from "./servers/directory.ts";
import type { Arrival, Entry } from "./ingress/arrival.ts";
import { type IngressUsers, makeEntries } from "./ingress/protocols.ts";
import { Overloaded } from "./ingress/refusal.ts";
import { type EffectiveLimits, limitsFor } from "./limits.ts";
import { LoopGuard } from "./loop_guard.ts";
import { isIp } from "../net/ip.ts";
import { ownHosts } from "../net/own_hosts.ts";
import { isOwn } from "../net/own_address.ts";
import { type ConnectFrom, RulesInPlace } from "./rules_in_place.ts";
import { RulesMonitor } from "./rules_monitor.ts";
import { Ingress } from "./ingress/ingress.ts";

/** The system's part in a client handler, to be replaced in tests. */
export interface ClientSystem extends System {
  /** Where a redirected connection wanted to go. @throws When the system does not know. */
  readonly originalDestination: (connection: Connection) => Address | undefined;
  /** Lets a listener take connections to every address. @throws When the system does not. */
  readonly makeTransparent: (listener: Listener) => void;
  /** Begins connections from ports of its choice. Default: the system's way. */
  readonly connectFrom?: ConnectFrom;
  /** The time of day, in milliseconds since 1970. Default: the system's. */
  readonly now?: () => number;
}

const realClientSystem: ClientSystem = { ...realSystem, originalDestination, makeTransparent };

/** The client handler: takes applications' connections and carries each in a session to its server handler. */
export class ClientHandler implements Observable {
  readonly role = "client";
  readonly activity: Activity;
  /** Where it listens; real ports where 0 was asked for. */
  readonly waysIn: Pick<Ingress, "addresses" | "at">;
  readonly #directory: Directory;
  readonly #dialers: Dialers;
  readonly #direct: Direct;
  readonly #waysIn: Ingress;
  readonly #loops: LoopGuard;
  readonly #rules: RulesInPlace;
  #monitor: RulesMonitor | undefined;
  readonly #system: ClientSystem;
  readonly #full: ThrottledWarning;
  readonly #refused: ThrottledWarning;
  readonly #log: Log;
  readonly #crew: WorkerGroup;
  /** A reload puts others in the place of these two. */
  #config: ClientConfig;
  #limits: EffectiveLimits;
  #carrying = 0;

  /**
   * Starts to listen.
   *
   * @param users Who may use the ways in that can ask.
   * @param keys Those that the configuration names.
   * @param group The workers that it is one of.
   * @param replace Whether it is to take the place of a client handler that listens at the same addresses.
   * @throws {StartError} When an address can't be listened at; nothing is left open then.
   */
  constructor(
    config: ClientConfig,
    log: Log,
    system: ClientSystem = realClientSystem,
    users: IngressUsers = {},
    keys: readonly ScopedKey[] = [],
    group: WorkerGroup = single(),
    replace = false,
  ) {
    this.#crew = group;
    const { clock } = this.#system = system;
    const network = this.#loops = new LoopGuard(system.network, clock, log, group.paths);
    this.#rules = new RulesInPlace(system.network, clock, group.paths, system.connectFrom);
    this.#log = log;
    this.#full = new ThrottledWarning(log, clock, "limit reached");
    this.#config = config;
    this.#limits = limitsFor(config, fileLimit(), group);
    const inForce = live(() => this.#config), limits = live(() => this.#limits);
    const activity = this.activity = new Activity(clock);
    this.#know(config);
    const pads = padSource(config.pads);
    const liveness = new Liveness(clock, () => this.#config.timeouts);
    const refused = new ThrottledWarning(log, clock, "session refused");
    this.#refused = new ThrottledWarning(log, clock, "connection refused");
    const cameBack = (to: Address) => this.#loops.cameBack(to);
    this.#dialers = new Dialers({
      cameBack,
      config: inForce,
      pads,
      network,
      clock,
      log,
      refused,
      liveness,
      pending: new PendingRequests(),
      activity,
    });
    this.#direct = new Direct({ config: inForce, network, clock, activity, log, refused: this.#refused });
    this.waysIn = this.#waysIn = new Ingress(this.#entries(config, users), {
      ...system,
      get timeout() {
        return inForce.timeouts.handshake;
      },
      get keepalive() {
        return inForce.timeouts.keepalive;
      },
      get asking() {
        return perWorkerShare(limits.asking, group);
      },
      arrived: (arrival) => this.#carry(arrival),
      refused: (fields) => {
        activity.refusals.count("bad-request");
        this.#refused.warn(fields);
      },
      log,
      group,
      replace,
    });
    this.#directory = new Directory(config, {
      ...system,
      network,
      cameBack,
      keys,
      database: databaseOf(config),
      asked: (outcome) => activity.identified.count(outcome),
      isOwn: (address) => isOwn(address, this.#waysIn.addresses, ownHosts()),
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

  /** How much it takes. */
  get limits(): EffectiveLimits {
    return this.#limits;
  }

  /** How many sessions are under way, or about to be. */
  get sessions(): number {
    return this.#waysIn.size;
  }

  /** The associations that there are, and how many connections are carried beside the most that may be. */
  levels(): Levels {
    return {
      pool: this.#dialers.pool,
      limits: [{ name: "sessions", value: this.#limits.sessions, used: this.#carrying }],
      ...this.#monitor?.inPlace !== undefined && { rules: this.#monitor.inPlace },
    };
  }

  /**
   * Makes sure that sessions with a configured server are possible.
   *
   * @param name The server's.
   * @throws {Error} When no association comes about; the message says why.
   */
  async verifyServer(name: string): Promise<void> {
    const found = await this.#directory.find({ host: name, port: 0 });
    if (found.kind === "server") await this.#dialers.verify(found.server);
  }

  /**
   * Makes sure that the system's rules lead connections to the redirects.
   *
   * @param expected Whether rules of `micss rules` have to be there.
   * @param destinations Where applications connect whom they have to take.
   * @throws As {@linkcode RulesInPlace.look}.
   */
  async verifyRules(expected: boolean, destinations: readonly Address[] = []): Promise<void> {
    await this.#rules.look(this.redirects, expected, destinations);
  }

  /** The same of TPROXY's. @throws As {@linkcode RulesInPlace.lookForTproxy}. */
  async proveTproxy(): Promise<void> {
    await this.#rules.lookForTproxy(this.#waysIn.at("tproxy"));
  }

  /** From now on notices when rules are lost. @param look Looks whether they are in place; rejects when they are not. */
  monitorRules(look: () => Promise<void>): void {
    this.#monitor ??= new RulesMonitor({ look, log: this.#log, clock: this.#system.clock });
  }

  /**
   * Takes another configuration into use; nothing that is under way ends. It keeps listening where it does.
   *
   * @param users Who may use the ways in that can ask.
   * @param keys Those that the configuration names.
   * @returns The settings that differ and take another start.
   */
  reload(config: ClientConfig, users: IngressUsers = {}, keys: readonly ScopedKey[] = []): string[] {
    const { pads } = this.#config, database = databaseOf(this.#config);
    this.#config = config;
    this.#limits = limitsFor(config, fileLimit(), this.#crew);
    this.#know(config);
    this.#directory.reload(config, keys);
    return [
      ...this.#waysIn.replace(this.#entries(config, users)),
      ...databaseOf(config) === database ? [] : ["database"],
      ...config.pads === pads ? [] : ["pads"],
    ];
  }

  /** Takes no more connections. Sessions under way go on. */
  stopListening(): void {
    this.#monitor?.close();
    this.#waysIn.stopListening();
  }

  /** Resolves when no session is under way. */
  async idle(): Promise<void> {
    await this.#waysIn.idle();
  }

  /** Stops listening, aborts what is under way, and waits until all is closed. */
  async close(): Promise<void> {
    this.#monitor?.close();
    await this.#waysIn.close();
    this.#directory.close();
    this.#dialers.close();
    this.#direct.close();
    await this.idle();
  }

  #entries(config: ClientConfig, users: IngressUsers): Entry[] {
    return makeEntries(config, users, this.#system.originalDestination);
  }

  /** Has the channels of servers counted that are known beforehand. */
  #know({ servers }: ClientConfig): void {
    for (const { name, channels } of servers) {
      if (channels.every(({ host }) => isIp(host))) this.activity.channels.know(name, channels);
    }
  }

  async #carry(arrival: Arrival): Promise<void> {
    if (this.#rules.takes(arrival)) return;
    const { sessions } = this.#limits;
    const { carried } = this.#crew;
    if (carried.value >= sessions) {
      this.activity.limitHits.count("sessions");
      this.activity.refusals.count("overloaded");
      this.#full.warn({ limit: "sessions", value: sessions, from: formatAddress(arrival.connection.remote) });
      return await arrival.refused(new Overloaded("as many sessions as there may be"));
    }
    this.#carrying++;
    carried.add(1);
    try {
      const found = await this.#find(arrival);
      if (found?.kind === "direct") await this.#direct.relay(arrival, found.addresses);
      else if (found?.kind === "server") await this.#dialers.dial(found.server, arrival, arrival.destination.port);
    } finally {
      this.#carrying--;
      carried.add(-1);
    }
  }

  /** Who is to carry a connection. @returns null when nobody may, and it has ended. */
  async #find(arrival: Arrival): Promise<Found | null> {
    try {
      await this.#loops.check(arrival.connection, arrival.destination);
    } catch (error) {
      this.activity.refusals.count("loop");
      await arrival.refused(error);
      return null;
    }
    try {
      return await this.#directory.find(arrival.destination, arrival.user ?? arrival.connection.remote.host);
    } catch (error) {
      this.#refused.warn({
        from: formatAddress(arrival.connection.remote),
        destination: formatAddress(arrival.destination),
        reason: reasonOf(error),
      });
      this.activity.refusals.count("no-server");
      await arrival.refused(error);
      return null;
    }
  }
}

function databaseOf({ database }: ClientConfig): string {
  return database ?? systemDatabasePath();
}
