import { covers } from "../../config/scope.ts";
import { canonicalHost, isIp } from "../../net/ip.ts";
import type { ClientConfig } from "../../config/types.ts";
import type { ScopedKey } from "../../identify/learned.ts";
import type { Address } from "../../net/address.ts";
import { NameCache, type NameCacheOptions } from "../../net/names/name_cache.ts";
import { ConfiguredServer, namesOf } from "./configured_server.ts";

/** What a configuration says of servers. It never changes: a reload puts another one in its place. */
export class KnownServers {
  /** What becomes of a connection to where no server is known. */
  readonly unknown: ClientConfig["unknown"];
  /** How long resolving a name, or learning a server's channels, may take, in milliseconds. */
  readonly timeout: number;
  /** By which keys others are asked, in the configuration's order. */
  readonly keys: readonly ScopedKey[];
  readonly #byName: ReadonlyMap<string, ConfiguredServer>;
  readonly #names: NameCache;
  /** The names that keys are for. */
  readonly #keyNames: readonly string[];

  /**
   * Begins to resolve host names; touches nothing else.
   *
   * @param keys The keys that the configuration names, in its order.
   * @param before What this takes the place of: it is closed, and what it has resolved holds on.
   */
  constructor(
    { servers, unknown }: Pick<ClientConfig, "servers" | "unknown">,
    keys: readonly ScopedKey[],
    options: NameCacheOptions,
    before?: KnownServers,
  ) {
    this.unknown = unknown;
    this.timeout = options.timeout;
    this.keys = keys;
    this.#keyNames = keys.flatMap(({ scope: { of } }) => typeof of === "string" && !isIp(of) ? of : []);
    const names = new Set([...servers.flatMap(namesOf), ...this.#keyNames]);
    this.#names = new NameCache(names, options, before === undefined ? undefined : before.#names);
    before?.close();
    const byName = servers.map((server) => [server.name, new ConfiguredServer(server, this.#names)] as const);
    // Ways in that ask for a name give it in lower case; as it is written it comes first.
    this.#byName = new Map([...byName.map(([name, server]) => [name.toLowerCase(), server] as const), ...byName]);
  }

  /** The server of that name, which may be written as a host name is. */
  named(name: string): ConfiguredServer | undefined {
    return this.#byName.get(name) ?? this.#byName.get(canonicalHost(name));
  }

  /** The server that has a channel at that address, or of that name, and serves that port. */
  at({ host, port }: Address): ConfiguredServer | undefined {
    return this.#byName.values().find((server) => server.serves(host, port));
  }

  /** Whether handlers talk to servers there: it is a channel, or where a server is asked for its channels. */
  isChannel({ host, port }: Address): boolean {
    return this.#byName.values().some((server) => server.isChannel(host, port)) ||
      this.keys.some(({ scope }) => scope.port === port && covers(scope, host));
  }

  /** The names that keys are for, and that stand for that address. */
  keyNamesOf(host: string): string[] {
    return this.#keyNames.filter((name) => this.#names.owns(name, host));
  }

  /** Waits until every name was tried once. @returns Those that could not be resolved yet. */
  unresolved(): Promise<string[]> {
    return this.#names.unresolved();
  }

  /** Resolves nothing any more. */
  close(): void {
    this.#names.close();
  }
}
