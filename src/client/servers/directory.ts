import { type Credentials, NO_CREDENTIALS } from "../../authenticate/credentials.ts";
import { canonicalHost, connectedHost, isIp, withoutZone } from "../../net/ip.ts";
import type { ClientConfig } from "../../config/types.ts";
import { Learned, type ScopedKey } from "../../identify/learned.ts";
import { Store } from "../../identify/store.ts";
import { type Address, formatAddress } from "../../net/address.ts";
import { Lookups, MAX_UNDER_WAY } from "../../net/names/lookups.ts";
import type { System } from "../../net/system/system.ts";
import type { Log } from "../../log/log.ts";
import type { ConfiguredServer, ResolvedServer } from "./configured_server.ts";
import { NotAllowed } from "../ingress/refusal.ts";
import { KnownServers } from "./known_servers.ts";

/** Maximum number of learned channels remembered to tell handlers' connections from applications'. */
const MAX_LEARNED_CHANNELS = 4096;

/** Route of a connection: to a server handler, or directly to its destination. */
export type Route =
  | { readonly kind: "server"; readonly server: ResolvedServer }
  /** In the clear, to the first of these IP addresses that accepts, as the configuration permits. */
  | { readonly kind: "direct"; readonly addresses: readonly Address[] };

/** Settings of {@linkcode Directory}. */
export type DirectoryConfig = Pick<ClientConfig, "servers" | "unknown" | "timeouts">;

/** Options of {@linkcode Directory}. */
export interface DirectoryOptions extends System {
  /** Keys of the configuration for identification, in its order. */
  readonly keys: readonly ScopedKey[];
  /** Keys of configured servers, and the client's. Default: none. */
  readonly credentials?: Credentials;
  /** True if this handler listens at an address. */
  readonly isOwn: (address: Address) => boolean;
  /** Path of the database of learned channels. */
  readonly database: string;
  /** Time of day, in milliseconds since 1970. Default: the system's. */
  readonly now?: () => number;
  /** Gets a line for each exchange, and for failures in the background. */
  readonly log: Log;
  /** True if a rule sends connections to an address back to this handler; an exchange is not repeated then. */
  readonly cameBack?: (to: Address) => boolean;
  /** Called with the outcome of each exchange with a server handler. */
  readonly asked?: (outcome: "learned" | "failed") => void;
}

/**
 * Finds the server handler that an address belongs to, and its channels (paper, section III-C), in this order: the
 * configuration, out of any network adversary's reach; valid learned channels; identification by the server handler itself,
 * if a key is configured for it. Refuses unknown destinations, or relays to them in the clear if the configuration permits,
 * but never while one of these sources has failed.
 */
export class Directory {
  readonly #options: DirectoryOptions;
  /** Look-ups for applications and for the configuration; neither waits for the other. */
  readonly #lookups: Lookups;
  readonly #ownLookups: Lookups;
  #knownServers: KnownServers;
  readonly #store: Store;
  readonly #learned: Learned;
  /** Addresses of learned channels, least recently used first. */
  readonly #channels = new Set<string>();

  /** Starts to resolve the configuration's host names. */
  constructor(config: DirectoryConfig, options: DirectoryOptions) {
    const { network, clock, log, keys, now = Date.now } = this.#options = options;
    this.#lookups = new Lookups(options);
    this.#ownLookups = new Lookups({ ...options, perSource: MAX_UNDER_WAY });
    this.#knownServers = this.#from(config, keys, options.credentials);
    this.#store = new Store(options.database, clock, log);
    this.#learned = new Learned({
      ...{ network, clock, log, now, store: this.#store, ...options.asked && { asked: options.asked } },
      ...options.cameBack && { cameBack: options.cameBack },
      keys: () => this.#knownServers.keys,
      timeout: () => this.#knownServers.timeout,
    });
  }

  /**
   * Replaces the configuration; searches under way continue with the previous one.
   *
   * @param keys Keys of the configuration for identification, in its order.
   * @param credentials Keys of configured servers, and the client's. Default: none.
   */
  reload(config: DirectoryConfig, keys: readonly ScopedKey[], credentials?: Credentials): void {
    this.#knownServers = this.#from(config, keys, credentials, this.#knownServers);
  }

  /**
   * Finds the route of a connection.
   *
   * @param destination An application's destination: a configured server's name, an IP address, or a host name.
   * @param source The requesting user or address; look-ups are shared fairly among sources.
   * @throws {NotAllowed} If the destination is unknown, or leads back to a handler.
   * @throws {Error} If a source of information failed; the message says why.
   */
  async find(destination: Address, source?: string): Promise<Route> {
    const known = this.#knownServers;
    const { port } = destination;
    const host = isIp(destination.host) ? canonicalHost(connectedHost(destination.host)) : destination.host;
    const named = known.named(host);
    if (named !== undefined) return found(await named.get());
    const configured = this.#configuredAt({ host, port }, known);
    if (configured !== undefined) return found(await configured.get());
    // Until all names have been tried, any destination may be a server's. Only the first connections wait.
    const unresolved = await known.unresolved();
    if (isIp(host)) return await this.#routeByAddress([{ host, port }], known, unresolved, []);
    const { timeout } = known;
    const hosts = await this.#lookups.addresses(host, { timeout, ...source !== undefined && { source } });
    const addresses = hosts.map((host) => ({ host: connectedHost(host), port }));
    return await this.#routeByAddress(addresses, known, unresolved, [host]);
  }

  /** Stops resolving, aborts exchanges, and closes the database. */
  close(): void {
    this.#knownServers.close();
    this.#learned.close();
    this.#store.close();
  }

  #from(
    config: DirectoryConfig,
    keys: readonly ScopedKey[],
    credentials: Credentials = NO_CREDENTIALS,
    before?: KnownServers,
  ): KnownServers {
    return new KnownServers(
      config,
      keys,
      credentials,
      { ...this.#options, lookups: this.#ownLookups, timeout: config.timeouts.handshake },
      before,
    );
  }

  /**
   * Looks for a server at all addresses of a destination before it considers a direct route to any of them.
   *
   * @param names Names of the destination, for keys whose scope is a name.
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
    const searches = await Promise.allSettled(usable.map((address) => this.#findLearned(address, known, names)));
    for (const search of searches) {
      if (search.status === "fulfilled" && search.value !== null) return found(search.value);
      if (search.status === "rejected") failures.push(search.reason);
    }
    // An address whose search failed may be a server's, so there is no direct route to it.
    if (usable.length === 0 || searches.some(({ status }) => status === "rejected")) throw failures.at(-1);
    if (known.unknown === "reject") {
      throw new NotAllowed(
        "no server with this address and port is configured or learned, and no key is configured to identify one",
      );
    }
    if (unresolved.length > 0) {
      throw new NotAllowed(`it may be a server's: ${unresolved.join(", ")} could not be resolved yet`);
    }
    if (this.#store.unusable !== undefined) {
      throw new NotAllowed("it may be a server's: the database of learned channels can't be used");
    }
    return { kind: "direct", addresses: usable };
  }

  async #findLearned(address: Address, known: KnownServers, names: readonly string[]): Promise<ResolvedServer | null> {
    const { host } = address;
    const entry = await this.#learned.find(host, [...known.keyNamesOf(host), ...names]);
    if (entry === null) return null;
    this.#remember(entry.channels);
    this.#checkNoChannel(address, known);
    const credentials = known.credentialsFor(entry.key);
    return { name: host, channels: entry.channels, ...credentials !== undefined && { credentials } };
  }

  /** @throws {NotAllowed} If the address leads back to a handler. */
  #configuredAt(address: Address, known: KnownServers): ConfiguredServer | undefined {
    this.#checkNoLoop(address, known);
    return known.at(address);
  }

  /** @throws {NotAllowed} If the address leads back to a handler. */
  #checkNoLoop(address: Address, known: KnownServers): void {
    if (this.#options.isOwn(address)) {
      throw new NotAllowed("it is this handler's own address: connect to the server's address instead");
    }
    this.#checkNoChannel(address, known);
  }

  /** Only handlers connect to channels, so such a connection from here has come back. */
  #checkNoChannel(address: Address, known: KnownServers): void {
    if (
      this.#channels.has(formatAddress({ ...address, host: withoutZone(address.host) })) || known.isChannel(address)
    ) {
      throw new NotAllowed("it is a channel: exempt this handler's connections from the rules, by its user or group");
    }
  }

  #remember(channels: readonly Address[]): void {
    for (const channel of channels.map(formatAddress)) {
      this.#channels.delete(channel);
      this.#channels.add(channel);
    }
    for (const oldest of this.#channels) {
      if (this.#channels.size <= MAX_LEARNED_CHANNELS) break;
      this.#channels.delete(oldest);
    }
  }
}

function found(server: ResolvedServer): Route {
  return { kind: "server", server };
}
