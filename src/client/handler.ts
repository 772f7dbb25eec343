import { reasonOf } from "../errors/errors.ts";
import type { Credentials } from "../authenticate/credentials.ts";
import type { ClientConfig } from "../config/types.ts";
import { systemDatabasePath } from "../identify/database.ts";
import type { ScopedKey } from "../identify/learned.ts";
import { type Address, formatAddress } from "../net/address.ts";
import type { DatagramNetwork } from "../net/datagram.ts";
import { systemDatagrams } from "../net/system/datagrams.ts";
import { fileLimit } from "../net/linux/descriptors.ts";
import { Activity } from "../observe/activity.ts";
import type { Log } from "../log/log.ts";
import type { Levels, Observable } from "../observe/observable.ts";
import type { Check } from "../observe/readiness.ts";
import { ThrottledWarning } from "../log/throttled.ts";
import { padSource } from "../sharing/pads.ts";
import { Liveness } from "../session/liveness.ts";
import { CreditBudget } from "../streams/credit_budget.ts";
import { KEPT_BUDGET } from "../association/rejoin.ts";
import { ByteBudget } from "../net/byte_budget.ts";
import { ChannelBreaks } from "../observe/channel_breaks.ts";
import { perWorkerShare, single, type WorkerGroup } from "../workers/worker_group.ts";
import { Capacity } from "./capacity.ts";
import { Dialers } from "./dial/dialers.ts";
import { Direct } from "./dial/direct.ts";
import { Flows } from "./flows/flows.ts";
import { Directory, type Route } from "./servers/directory.ts";
import type { Arrival, IngressProtocol, RelayArrival } from "./ingress/arrival.ts";
import { type IngressUsers, makeProtocols } from "./ingress/protocols.ts";
import { Overloaded } from "./ingress/refusal.ts";
import { Socks5Udp } from "./ingress/socks5_udp.ts";
import { type EffectiveLimits, limitsFor } from "./limits.ts";
import { LoopGuard } from "./loop_guard.ts";
import { isIp } from "../net/ip.ts";
import { ownHosts, recentOwnHosts } from "../net/own_hosts.ts";
import { isOwn } from "../net/own_address.ts";
import { DatagramRules } from "./datagram_rules.ts";
import { RulesInPlace } from "./rules_in_place.ts";
import { RulesMonitor } from "./rules_monitor.ts";
import { RoutesMonitor } from "../observe/routes_monitor.ts";
import type { RoutedChannel } from "../routes/channels.ts";
import { type ClientSystem, realClientSystem } from "./system.ts";
import { DatagramIngress } from "./ingress/datagram_ingress.ts";
import { Ingress } from "./ingress/ingress.ts";

/** Contents of the files that a configuration names. */
export interface ClientSecrets {
  /** Users of the SOCKS5 and HTTP CONNECT listeners. Default: no authentication. */
  readonly users?: IngressUsers;
  /** Keys for identification, in the configuration's order. Default: none. */
  readonly keys?: readonly ScopedKey[];
  /** Keys of configured servers, and the client's. Default: none. */
  readonly credentials?: Credentials;
}

/** Options of {@linkcode ClientHandler}. */
export interface ClientHandlerOptions extends ClientSecrets {
  /** Gets all log lines. */
  readonly log: Log;
  /** Default: the real one. */
  readonly system?: ClientSystem;
  /** Makes UDP sockets. Default: the system's. */
  readonly datagrams?: DatagramNetwork;
  /** The workers of the process. Default: a single one. */
  readonly group?: WorkerGroup;
  /** True if this handler replaces one that listens at the same addresses. Default: false. */
  readonly replace?: boolean | undefined;
}

/** The client handler: accepts applications' connections and carries each in a session with its server handler. */
export class ClientHandler implements Observable {
  readonly role = "client";
  readonly activity: Activity;
  readonly #directory: Directory;
  readonly #dialers: Dialers;
  readonly #direct: Direct;
  readonly #ingress: Ingress;
  readonly #flows: Flows;
  readonly #datagramIngress: DatagramIngress;
  readonly #socks5Udp: Socks5Udp;
  readonly #loopGuard: LoopGuard;
  readonly #rules: RulesInPlace;
  readonly #datagramRules: DatagramRules;
  #monitor: RulesMonitor | undefined;
  #routes: RoutesMonitor | undefined;
  readonly #system: ClientSystem;
  readonly #capacity: Capacity;
  readonly #refused: ThrottledWarning;
  readonly #log: Log;
  readonly #group: WorkerGroup;
  /** Configuration at the start, some of whose settings stay in effect despite reloads. */
  readonly #initial: ClientConfig;
  /** Replaced by a reload. */
  #config: ClientConfig;
  #limits: EffectiveLimits;

  /**
   * Starts to listen.
   *
   * @throws {StartError} If it can't listen at an address; leaves nothing open.
   */
  constructor(config: ClientConfig, options: ClientHandlerOptions) {
    const { log, system = realClientSystem, users = {}, keys = [], credentials } = options;
    const { group = single(), replace = false, datagrams = systemDatagrams } = options;
    this.#group = group;
    const { clock } = this.#system = system;
    const network = this.#loopGuard = new LoopGuard(system.network, clock, log, group.paths);
    this.#rules = new RulesInPlace(system.network, clock, group.paths, system.connectFrom);
    const ownNow = recentOwnHosts(() => clock.now());
    this.#datagramRules = new DatagramRules({ clock, ownHosts: ownNow, shared: group.paths });
    this.#log = log;
    this.#initial = this.#config = config;
    this.#limits = limitsFor(config, fileLimit(), group);
    const activity = this.activity = new Activity(clock);
    this.#countChannels(config);
    const capacity = this.#capacity = new Capacity({ limits: () => this.#limits, group, activity, log, clock });
    this.#refused = new ThrottledWarning(log, clock, "connection refused");
    const cameBack = (to: Address) => network.cameBack(to);
    const shared = { config: () => this.#config, network, clock, log, activity };
    this.#dialers = new Dialers({
      ...shared,
      pads: padSource(config.pads),
      refused: new ThrottledWarning(log, clock, "session refused"),
      failed: new ThrottledWarning(log, clock, "association failed"),
      unreached: new ThrottledWarning(log, clock, "worker not reached"),
      liveness: new Liveness(clock, () => this.#config.timeouts),
      budget: new CreditBudget(),
      kept: new ByteBudget(KEPT_BUDGET),
      breaks: new ChannelBreaks(activity, log),
      room: (channels) => capacity.fits(channels),
      channels: group.channels,
      datagrams,
      cameBack,
    });
    this.#direct = new Direct({
      ...shared,
      refused: this.#refused,
      room: () => capacity.fits(1),
      channels: group.channels,
    });
    this.#ingress = new Ingress(this.#protocols(config, users), {
      ...system,
      limits: () => ({
        timeout: this.#config.timeouts.handshake,
        keepalive: this.#config.timeouts.keepalive,
        pending: perWorkerShare(this.#limits.pending, group),
      }),
      handle: (arrival) => this.#handle(arrival),
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
      ...credentials !== undefined && { credentials },
      database: databaseOf(config),
      asked: (outcome) => activity.identified.count(outcome),
      isOwn: (address) => isOwn(address, this.#ingress.addresses, ownHosts()),
      log,
    });
    this.#flows = new Flows({
      ...shared,
      take: () => capacity.take(),
      give: () => capacity.give(),
      directory: this.#directory,
      dialers: this.#dialers,
    });
    this.#socks5Udp = new Socks5Udp({
      ...{ activity, datagrams, flows: this.#flows, refused: this.#refused },
      room: () => capacity.fits(1),
      channels: group.channels,
    });
    try {
      this.#datagramIngress = new DatagramIngress(config, {
        network: datagrams,
        flows: this.#flows,
        counts: activity.datagrams,
        exclusive: group.index === 0 && !replace,
        ownHosts: ownNow,
        consumes: (source, destination) => this.#datagramRules.consumes(source, destination),
        ...{ log, clock },
      });
    } catch (error) {
      for (const close of [this.#ingress, this.#directory]) void close.close();
      throw error;
    }
  }

  /** Addresses of the listeners, with the ports that the system chose for port 0. */
  get ingress(): Pick<Ingress, "addresses" | "at"> {
    return this.#ingress;
  }

  /** Addresses of the forwards, in the configuration's order. */
  get forwards(): readonly Address[] {
    return this.#ingress.at("forward");
  }

  /** Addresses of the forwards of datagrams, in the configuration's order. */
  get udpForwards(): readonly Address[] {
    return this.#datagramIngress.forwards;
  }

  /** Addresses where rules hand datagrams over. */
  get udpTproxies(): readonly Address[] {
    return this.#datagramIngress.tproxies;
  }

  /** Addresses where redirected connections arrive. */
  get redirects(): readonly Address[] {
    return this.#ingress.at("redirect");
  }

  /** The limits in force. */
  get limits(): EffectiveLimits {
    return this.#limits;
  }

  /** Number of sessions under way or being set up. */
  get sessions(): number {
    return this.#ingress.size + this.#flows.size;
  }

  /** Numbers of associations and of connections carried, with their limit. */
  levels(): Levels {
    const routes = this.#routes?.routes;
    return {
      ...routes !== undefined && { routes },
      pool: this.#dialers.pool,
      limits: this.#capacity.levels,
      ...this.#monitor?.inPlace !== undefined && { rules: this.#monitor.inPlace },
    };
  }

  /**
   * Verifies that sessions with a configured server are possible.
   *
   * @param name The server's name.
   * @throws {Error} If no association can be made; the message says why.
   */
  async verifyServer(name: string): Promise<void> {
    const route = await this.#directory.find({ host: name, port: 0 });
    if (route.kind === "server") await this.#dialers.verify(route.server);
  }

  /**
   * Verifies that the system's rules redirect connections here.
   *
   * @param expected True if rules of `micss rules` must be in place.
   * @param destinations Destinations of applications that the rules must redirect.
   * @throws As {@linkcode RulesInPlace.verify}.
   */
  async verifyRules(expected: boolean, destinations: readonly Address[] = []): Promise<void> {
    await this.#rules.verify(this.redirects, expected, destinations);
  }

  /** Verifies TPROXY rules likewise. @throws As {@linkcode RulesInPlace.verifyTproxy}. */
  async verifyTproxy(): Promise<void> {
    await this.#rules.verifyTproxy(this.#ingress.at("tproxy"));
  }

  /** Verifies rules for UDP likewise. @throws As {@linkcode DatagramRules.verify}. */
  async verifyDatagramRules(expected: boolean, destinations: readonly Address[] = []): Promise<void> {
    await this.#datagramRules.verify(this.#datagramIngress.tproxies, expected, destinations);
  }

  /** Starts to report the loss of rules. @param check Rejects when the rules are not in place. */
  monitorRules(check: () => Promise<void>): void {
    this.#monitor ??= new RulesMonitor({ check, log: this.#log, clock: this.#system.clock });
  }

  /** Starts to report whether routes keep channels apart. @param channels Lists those with a way. */
  monitorRoutes(channels: () => Promise<readonly RoutedChannel[]>): void {
    this.#routes ??= new RoutesMonitor({ channels, always: true, log: this.#log, clock: this.#system.clock });
  }

  /** Checks of the channels' routes, for readiness; none without {@linkcode ClientHandler.monitorRoutes}. */
  get routesChecks(): Check[] {
    return this.#routes?.checks ?? [];
  }

  /**
   * Replaces the configuration; ends nothing that is under way, and keeps listening at the same addresses.
   *
   * @returns The changed settings that take effect only after a restart.
   */
  reload(config: ClientConfig, { users = {}, keys = [], credentials }: ClientSecrets = {}): string[] {
    this.#config = config;
    this.#limits = limitsFor(config, fileLimit(), this.#group);
    this.#countChannels(config);
    this.#directory.reload(config, keys, credentials);
    return [
      ...this.#ingress.replace(this.#protocols(config, users)),
      ...this.#datagramIngress.changes(config),
      ...databaseOf(config) === databaseOf(this.#initial) ? [] : ["database"],
      ...config.pads === this.#initial.pads ? [] : ["pads"],
    ];
  }

  /** Accepts no more connections; sessions under way go on. */
  stopListening(): void {
    this.#monitor?.close();
    this.#routes?.close();
    this.#ingress.stopListening();
    this.#datagramIngress.close();
    this.#socks5Udp.close();
    this.#flows.stop();
  }

  /** Resolves when no session is under way. */
  async idle(): Promise<void> {
    await Promise.all([this.#ingress.idle(), this.#flows.idle()]);
  }

  /** Stops listening, aborts everything under way, and waits until all is closed. */
  async close(): Promise<void> {
    this.#monitor?.close();
    this.#routes?.close();
    this.#datagramIngress.close();
    this.#socks5Udp.close();
    this.#flows.stop();
    await this.#ingress.close();
    this.#directory.close();
    this.#dialers.close();
    this.#direct.close();
    await this.idle();
  }

  #protocols(config: ClientConfig, users: IngressUsers): IngressProtocol[] {
    return makeProtocols(config, users, this.#system.originalDestination);
  }

  /** Makes the channels of configured servers appear in metrics and status before their first use. */
  #countChannels({ servers }: ClientConfig): void {
    for (const { name, channels } of servers) {
      if (channels.every(({ host }) => isIp(host))) this.activity.channels.know(name, channels);
    }
  }

  async #handle(arrival: Arrival | RelayArrival): Promise<void> {
    const isRelay = "relayed" in arrival;
    if (!isRelay && this.#rules.consumes(arrival)) return;
    if (!this.#capacity.take()) {
      this.activity.refusals.count("overloaded");
      return await arrival.refused(new Overloaded("session limit reached"));
    }
    try {
      if (isRelay) return await this.#socks5Udp.relay(arrival);
      const route = await this.#route(arrival);
      if (route?.kind === "direct") await this.#direct.relay(arrival, route.addresses);
      else if (route?.kind === "server") await this.#dialers.dial(route.server, arrival, arrival.destination.port);
    } finally {
      this.#capacity.give();
    }
  }

  /** Decides where a connection goes. @returns null after refusing it. */
  async #route(arrival: Arrival): Promise<Route | null> {
    try {
      await this.#loopGuard.check(arrival.connection, arrival.destination);
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
