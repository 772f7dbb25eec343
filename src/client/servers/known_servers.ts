import { type Credentials, credentialsFor, type ServerCredentials } from "../../authenticate/credentials.ts";
import { covers } from "../../config/scope.ts";
import { canonicalHost, isIp } from "../../net/ip.ts";
import type { ClientConfig } from "../../config/types.ts";
import type { Key } from "../../identify/key.ts";
import type { ScopedKey } from "../../identify/learned.ts";
import type { Address } from "../../net/address.ts";
import { NameCache, type NameCacheOptions } from "../../net/names/name_cache.ts";
import { Method } from "../../wire/identify.ts";
import { ConfiguredServer, namesOf } from "./configured_server.ts";

/** Servers and keys of a configuration. Immutable; a reload makes another one. */
export class KnownServers {
  /** Action for unknown destinations. */
  readonly unknown: ClientConfig["unknown"];
  /** Time limit for resolving a name, or learning a server's channels, in milliseconds. */
  readonly timeout: number;
  /** Keys for identification, in the configuration's order. */
  readonly keys: readonly ScopedKey[];
  readonly #clientKey: Key | null;
  readonly #byName: ReadonlyMap<string, ConfiguredServer>;
  readonly #names: NameCache;
  /** Names in the scopes of keys. */
  readonly #keyNames: readonly string[];

  /**
   * Starts to resolve host names.
   *
   * @param keys Keys of the configuration for identification, in its order.
   * @param credentials Keys of configured servers, and the client's.
   * @param before The predecessor: closes it, and keeps the addresses that it resolved.
   */
  constructor(
    { servers, unknown }: Pick<ClientConfig, "servers" | "unknown">,
    keys: readonly ScopedKey[],
    credentials: Credentials,
    options: NameCacheOptions,
    before?: KnownServers,
  ) {
    this.unknown = unknown;
    this.timeout = options.timeout;
    this.keys = keys;
    this.#clientKey = credentials.clientKey;
    this.#keyNames = keys.flatMap(({ scope: { of } }) => typeof of === "string" && !isIp(of) ? of : []);
    const names = new Set([...servers.flatMap(namesOf), ...this.#keyNames]);
    this.#names = new NameCache(names, options, before === undefined ? undefined : before.#names);
    before?.close();
    const byName = servers.map((server) =>
      [server.name, new ConfiguredServer(server, this.#names, credentials.servers.get(server.name))] as const
    );
    // Ingress protocols give names in lower case; the exact spelling takes precedence.
    this.#byName = new Map([...byName.map(([name, server]) => [name.toLowerCase(), server] as const), ...byName]);
  }

  /** Finds a server by its name, also in the spelling of a host name. */
  named(name: string): ConfiguredServer | undefined {
    return this.#byName.get(name) ?? this.#byName.get(canonicalHost(name));
  }

  /** Finds the server that has a channel at a host, as address or name, and serves the port. */
  at({ host, port }: Address): ConfiguredServer | undefined {
    return this.#byName.values().find((server) => server.serves(host, port));
  }

  /** True for a channel's address, and for one where identification takes place: applications never connect there. */
  isChannel({ host, port }: Address): boolean {
    return this.#byName.values().some((server) => server.isChannel(host, port)) ||
      this.keys.some(({ scope }) => scope.port === port && covers(scope, host));
  }

  /**
   * Returns the keys for a server that a key has identified: an Ed25519 key authenticates it, too, while an HMAC key may be
   * that of other clients as well.
   *
   * @param id The key's id in hexadecimal; null if it was none.
   */
  credentialsFor(id: string | null): ServerCredentials | undefined {
    const found = this.keys.find(({ key }) => key.method === Method.Ed25519 && key.id.toHex() === id);
    return found && credentialsFor(found.key, this.#clientKey);
  }

  /** Returns the names in keys' scopes that resolve to an address. */
  keyNamesOf(host: string): string[] {
    return this.#keyNames.filter((name) => this.#names.owns(name, host));
  }

  /** Waits until every name has been tried once. @returns Names that could not be resolved yet. */
  unresolved(): Promise<string[]> {
    return this.#names.unresolved();
  }

  /** Stops resolving. */
  close(): void {
    this.#names.close();
  }
}
