import { canonicalHost, connectedHost, isIp, withoutZone } from "../../net/ip.ts";
import type { ClientConfig, Server } from "../../config/types.ts";
import { Learned, type ScopedKey } from "../../identify/learned.ts";
import { Store } from "../../identify/store.ts";
import { type Address, formatAddress } from "../../net/address.ts";
import { Lookups, MAX_UNDER_WAY } from "../../net/names/lookups.ts";
import type { System } from "../../net/system/system.ts";
import type { Log } from "../../log/log.ts";
import type { ConfiguredServer, ResolvedServer } from "./configured_server.ts";
import { NotAllowed } from "../ingress/refusal.ts";
import { KnownServers } from "./known_servers.ts";

/** How many channels of servers that were learned are remembered, to tell handlers' connections from applications'. */
const MAX_CHANNELS_KNOWN = 4096;

/** What becomes of a connection: it is carried to a server handler, or passed on as it is. */
export type Route =
  | { readonly kind: "server"; readonly server: ResolvedServer }
  /** In the clear, to the first of these IP addresses that takes it, as the configuration allows. */
  | { readonly kind: "direct"; readonly addresses: readonly Address[] };

/** What {@linkcode Directory} needs of the configuration. */
export type DirectoryConfig = Pick<ClientConfig, "servers" | "unknown" | "timeouts">;

/** What {@linkcode Directory} needs beside the configuration. */
export interface DirectoryOptions extends System {
  /** The keys that the configuration names, in its order. */
  readonly keys: readonly ScopedKey[];
  /** Whether a connection to an address would come back to this handler. */
  readonly isOwn: (address: Address) => boolean;
  /** Where the database is. */
  readonly database: string;
  /** The time of day, in milliseconds since 1970. Default: the system's. */
  readonly now?: () => number;
  /** Gets a line for what is learned, and for what fails without anyone's asking. */
  readonly log: Log;
  /** True if a rule sends connections to an address back to this handler; an exchange is not repeated then. */
  readonly cameBack?: (to: Address) => boolean;
  /** Told how each exchange with a server handler ended, in a word. */
  readonly asked?: (outcome: "learned" | "failed") => void;
}

/**
 * Which server handler an address belongs to, and by which channels it is reached (paper, section III-C). In this order:
 * what is configured, which is out of any network adversary's reach; what was learned and is still valid; what the server
 * handler says itself, where a key is configured for it. What none of these knows is refused, or passed on in the clear
 * where the configuration says so, but never where one of them should have known and failed to tell.
 */
export class Directory {
  readonly #options: DirectoryOptions;
  /** For applications, and for the configuration: neither waits for the other. */
  readonly #lookups: Lookups;
  readonly #ownLookups: Lookups;
  #knownServers: KnownServers;
  readonly #store: Store;
  readonly #learned: Learned;
  /** Where channels of servers that were learned are, those handed out last at the end. */
  readonly #channels = new Set<string>();

  /** Begins to resolve the configuration's host names; touches nothing else. */
  constructor(config: DirectoryConfig, options: DirectoryOptions) {
    const { network, clock, log, keys, now = Date.now } = this.#options = options;
    this.#lookups = new Lookups(options);
    this.#ownLookups = new Lookups({ ...options, perSource: MAX_UNDER_WAY });
    this.#knownServers = this.#from(config, keys);
    this.#store = new Store(options.database, clock, log);
    const known = () => this.#knownServers;
    this.#learned = new Learned({
      ...{ network, clock, log, now, store: this.#store, ...options.asked && { asked: options.asked } },
      ...options.cameBack && { cameBack: options.cameBack },
      get keys() {
        return known().keys;
      },
      get timeout() {
        return known().timeout;
      },
    });
  }

  /**
   * Takes another configuration into use; connections that are being looked for are found by the one before.
   *
   * @param keys The keys that it names, in its order.
   */
  reload(config: DirectoryConfig, keys: readonly ScopedKey[]): void {
    this.#knownServers = this.#from(config, keys, this.#knownServers);
  }

  /**
   * Finds what becomes of a connection.
   *
   * @param destination Where an application wants to connect: a configured server's name, an IP address, or a host name.
   * @param source The user or address that asks, among which look-ups are shared fairly.
   * @throws {NotAllowed} When that leads nowhere, or back to a handler.
   * @throws {Error} When nobody could tell; the message says why.
   */
  async find(destination: Address, source?: string): Promise<Route> {
    const known = this.#knownServers;
    const { port } = destination;
    const host = isIp(destination.host) ? canonicalHost(connectedHost(destination.host)) : destination.host;
    const named = known.named(host);
    if (named !== undefined) return found(await named.get());
    const configured = this.#configuredAt({ host, port }, known);
    if (configured !== undefined) return found(await configured.get());
    // Without them nobody knows whether the destination is a server's. The next connection does not wait.
    const unresolved = await known.unresolved();
    if (isIp(host)) return await this.#routeByAddress([{ host, port }], known, unresolved, []);
    const { timeout } = known;
    const hosts = await this.#lookups.addresses(host, { timeout, ...source !== undefined && { source } });
    const addresses = hosts.map((host) => ({ host: connectedHost(host), port }));
    return await this.#routeByAddress(addresses, known, unresolved, [host]);
  }

  /** Stops resolving, gives up what is being learned, and closes the database. */
  close(): void {
    this.#knownServers.close();
    this.#learned.close();
    this.#store.close();
  }

  #from(config: DirectoryConfig, keys: readonly ScopedKey[], before?: KnownServers): KnownServers {
    return new KnownServers(
      config,
      keys,
      { ...this.#options, lookups: this.#ownLookups, timeout: config.timeouts.handshake },
      before,
    );
  }

  /**
   * Looks for a server at all addresses of a destination before any of them is one to pass the connection on to.
   *
   * @param names What the destination was called, for keys that are for a name.
   */
  async #routeByAddress(
    addresses: readonly Address[],
    known: KnownServers,
    unresolved: readonly string[],
    names: readonly string[],
  ): Promise<Route> {
    const failures: unknown[] = [];
    const usable = addresses.filter((address) => {
      try {
        this.#checkNoLoop(address, known);
        return true;
      } catch (error) {
        failures.push(error);
        return false;
      }
    });
    for (const address of usable) {
      const configured = known.at(address);
      if (configured !== undefined) return found(await configured.get());
    }
    const looks = await Promise.allSettled(usable.map((address) => this.#findLearned(address, known, names)));
    for (const look of looks) {
      if (look.status === "fulfilled" && look.value !== null) return found(look.value);
      if (look.status === "rejected") failures.push(look.reason);
    }
    // One that should have told and failed to may be a server's, which only the others can stand for.
    if (usable.length === 0 || looks.some(({ status }) => status === "rejected")) throw failures.at(-1);
    if (known.unknown === "reject") {
      throw new NotAllowed("no configured server has this address and port, nor was one learned or can be asked");
    }
    if (unresolved.length > 0) {
      throw new NotAllowed(`it may be a server's: ${unresolved.join(", ")} could not be resolved yet`);
    }
    if (this.#store.unusable !== undefined) {
      throw new NotAllowed("it may be a server's: the database of what was learned can't be used");
    }
    return { kind: "direct", addresses: usable };
  }

  async #findLearned(address: Address, known: KnownServers, names: readonly string[]): Promise<Server | null> {
    const { host } = address;
    const entry = await this.#learned.find(host, [...known.keyNamesOf(host), ...names]);
    if (entry === null) return null;
    this.#remember(entry.channels);
    this.#checkNoChannel(address, known);
    return { name: host, channels: entry.channels };
  }

  /** @throws {NotAllowed} When the address leads back to a handler. */
  #configuredAt(address: Address, known: KnownServers): ConfiguredServer | undefined {
    this.#checkNoLoop(address, known);
    return known.at(address);
  }

  /** @throws {NotAllowed} When the address leads back to a handler. */
  #checkNoLoop(address: Address, known: KnownServers): void {
    if (this.#options.isOwn(address)) {
      throw new NotAllowed("it leads to this handler itself: connect to the server's address instead");
    }
    this.#checkNoChannel(address, known);
  }

  /** Handlers talk to channels, never applications: what comes from here to one has come back. */
  #checkNoChannel(address: Address, known: KnownServers): void {
    if (
      this.#channels.has(formatAddress({ ...address, host: withoutZone(address.host) })) || known.isChannel(address)
    ) {
      throw new NotAllowed("it is a channel: let the rules pass what this handler sends, by its user or group");
    }
  }

  #remember(channels: readonly Address[]): void {
    for (const channel of channels.map(formatAddress)) {
      this.#channels.delete(channel);
      this.#channels.add(channel);
    }
    for (const oldest of this.#channels) {
      if (this.#channels.size <= MAX_CHANNELS_KNOWN) break;
      this.#channels.delete(oldest);
    }
  }
}

function found(server: ResolvedServer): Route {
  return { kind: "server", server };
}
