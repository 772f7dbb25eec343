import { covers, isIp } from "../config/scope.ts";
import type { ClientConfig, Server } from "../config/types.ts";
import { Learned, type ScopedKey } from "../identify/learned.ts";
import { Store } from "../identify/store.ts";
import { type Address, formatAddress } from "../net/address.ts";
import { Names, type Resolve, resolveWithin } from "../net/names.ts";
import { canonicalHost } from "../net/sockaddr.ts";
import type { System } from "../net/system.ts";
import type { Log } from "../observe/log.ts";
import { ConfiguredServer, namesOf } from "./configured_server.ts";
import { NotAllowed } from "./entry/refusal.ts";

/** How many channels of servers that were learned are remembered, to tell handlers' connections from applications'. */
const MOST_CHANNELS_KNOWN = 4096;

/** What becomes of a connection: it is carried to a server handler, or passed on as it is. */
export type Found =
  | { readonly kind: "server"; readonly server: Server }
  /** In the clear, to an IP address, as the configuration allows. */
  | { readonly kind: "direct"; readonly address: Address };

/** What {@linkcode Directory} needs beside the configuration. */
export interface DirectoryOptions extends System {
  /** The keys that the configuration names, in its order. */
  readonly keys: readonly ScopedKey[];
  /** Whether a connection to an address would come back to this handler. */
  readonly isOwn: (address: Address) => boolean;
  /** Where the database is. */
  readonly database: string;
  /** Default: the system's. */
  readonly resolve?: Resolve;
  /** The time of day, in milliseconds since 1970. Default: the system's. */
  readonly now?: () => number;
  /** Gets a line for what is learned, and for what fails without anyone's asking. */
  readonly log: Log;
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
  readonly #unknown: ClientConfig["unknown"];
  readonly #options: DirectoryOptions;
  readonly #timeout: number;
  readonly #byName: ReadonlyMap<string, ConfiguredServer>;
  readonly #names: Names;
  /** The names that keys are for. */
  readonly #keyNames: readonly string[];
  readonly #store: Store;
  readonly #learned: Learned;
  /** Where channels of servers that were learned are, those handed out last at the end. */
  readonly #channels = new Set<string>();

  /** Begins to resolve the configuration's host names; touches nothing else. */
  constructor(config: Pick<ClientConfig, "servers" | "unknown" | "timeouts">, options: DirectoryOptions) {
    const { clock, log, keys, now = Date.now } = this.#options = options;
    const timeout = this.#timeout = config.timeouts.handshake;
    this.#unknown = config.unknown;
    this.#keyNames = keys.flatMap(({ scope: { of } }) => typeof of === "string" && !isIp(of) ? of : []);
    const names = new Set([...config.servers.flatMap(namesOf), ...this.#keyNames]);
    this.#names = new Names(names, { ...options, timeout });
    const servers = config.servers.map((server) => [server.name, new ConfiguredServer(server, this.#names)] as const);
    // Ways in that ask for a name give it in lower case; as it is written it comes first.
    this.#byName = new Map([...servers.map(([name, server]) => [name.toLowerCase(), server] as const), ...servers]);
    this.#store = new Store(options.database, clock, log);
    this.#learned = new Learned({ ...options, now, timeout, store: this.#store });
  }

  /**
   * Finds what becomes of a connection.
   *
   * @param destination Where an application wants to connect: a configured server's name, an IP address, or a host name.
   * @throws {NotAllowed} When that leads nowhere, or back to a handler.
   * @throws {Error} When nobody could tell; the message says why.
   */
  async find(destination: Address): Promise<Found> {
    const { port } = destination;
    const host = isIp(destination.host) ? canonicalHost(destination.host) : destination.host;
    const named = this.#byName.get(host);
    if (named !== undefined) return found(await named.get());
    const configured = this.#configuredAt({ host, port });
    if (configured !== undefined) return found(await configured.get());
    // Without them nobody knows whether the destination is a server's. The next connection does not wait.
    const unresolved = await this.#names.unresolved();
    if (isIp(host)) return await this.#findAddress({ host, port }, unresolved, []);
    const [first] = await resolveWithin(host, { ...this.#options, timeout: this.#timeout });
    return await this.#findAddress({ host: first!, port }, unresolved, [host]);
  }

  /** Stops resolving, gives up what is being learned, and closes the database. */
  close(): void {
    this.#names.close();
    this.#learned.close();
    this.#store.close();
  }

  async #findAddress(address: Address, unresolved: readonly string[], known: readonly string[]): Promise<Found> {
    const { host } = address;
    const configured = this.#configuredAt(address);
    if (configured !== undefined) return found(await configured.get());
    const names = this.#keyNames.filter((name) => this.#names.owns(name, host));
    const entry = await this.#learned.find(host, [...names, ...known]);
    if (entry !== null) {
      this.#remember(entry.channels);
      this.#checkNoChannel(address);
      return found({ name: host, channels: entry.channels });
    }
    if (this.#unknown === "reject") {
      throw new NotAllowed("no configured server has this address and port, nor was one learned or can be asked");
    }
    if (unresolved.length > 0) {
      throw new NotAllowed(`it may be a server's: ${unresolved.join(", ")} could not be resolved yet`);
    }
    if (this.#store.unusable !== undefined) {
      throw new NotAllowed("it may be a server's: the database of what was learned can't be used");
    }
    return { kind: "direct", address };
  }

  /** @throws {NotAllowed} When the address leads back to a handler. */
  #configuredAt(address: Address): ConfiguredServer | undefined {
    if (this.#options.isOwn(address)) {
      throw new NotAllowed("it leads to this handler itself: connect to the server's address instead");
    }
    this.#checkNoChannel(address);
    return this.#byName.values().find((server) => server.serves(address.host, address.port));
  }

  /** Handlers talk to channels, never applications: what comes from here to one has come back. */
  #checkNoChannel(address: Address): void {
    const { host, port } = address;
    if (
      this.#channels.has(formatAddress(address)) ||
      this.#byName.values().some((server) => server.isChannel(host, port)) ||
      this.#options.keys.some(({ scope }) => scope.port === port && covers(scope, host))
    ) throw new NotAllowed("it is a channel: let the rules pass what this handler sends, by its user or group");
  }

  #remember(channels: readonly Address[]): void {
    for (const channel of channels.map(formatAddress)) {
      this.#channels.delete(channel);
      this.#channels.add(channel);
    }
    for (const oldest of this.#channels) {
      if (this.#channels.size <= MOST_CHANNELS_KNOWN) break;
      this.#channels.delete(oldest);
    }
  }
}

function found(server: Server): Found {
  return { kind: "server", server };
}
