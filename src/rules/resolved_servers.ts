import { UsageError } from "../config/problems.ts";
import type { Selector } from "../config/rules.ts";
import { formatScope } from "../config/scope.ts";
import { isIp } from "../net/ip.ts";
import type { ClientConfig } from "../config/types.ts";
import type { Subnet } from "../net/ip.ts";
import type { ResolvedNames } from "./names.ts";
import { FAMILIES, type Family, familyOfHost, formatSubnet } from "./ruleset.ts";

/** A configured server, or a key's scope, with its addresses. */
export interface ResolvedServer {
  /** Its name in the configuration. */
  readonly name: string;
  /** Its addresses. */
  readonly networks: readonly Subnet[];
  /** The ports carried to it. Default: all. */
  readonly serves?: readonly number[];
  /** The port of its channels, or of identification requests. */
  readonly channel: number;
}

/** The destinations that one rule can match. */
export interface Destination {
  /** Description for the rule's comment. */
  readonly note: string;
  /** Network. Default: every address of the family. */
  readonly to?: Subnet;
  /** Version of IP. */
  readonly family: Family;
  /** Port. Default: every port. */
  readonly toPort?: number;
}

/** The part of a client's configuration that locates servers. */
export type ServerSettings = Pick<ClientConfig, "servers" | "keys">;

/** The hosts that {@linkcode resolveServers} looks up. */
export function hostsOf({ servers, keys }: ServerSettings): string[] {
  const asked = keys.flatMap(({ scope: { of } }) => typeof of === "string" ? of : []);
  return [...servers.flatMap(({ channels }) => channels.map(({ host }) => host)), ...asked];
}

/**
 * Locates the configured servers, and those of the configured keys.
 *
 * @throws {UsageError} If a host does not resolve.
 */
export function resolveServers({ servers, keys }: ServerSettings, names: ResolvedNames): ResolvedServer[] {
  const configured = servers.flatMap(({ name, channels, ports }) =>
    channels.map(({ host, port }) => {
      return { name, networks: addressesOf(host, names), channel: port, ...ports !== undefined && { serves: ports } };
    })
  );
  // Several keys can be for the same servers.
  const scopes = new Map(keys.map(({ scope }) => [formatScope(scope), scope]));
  const asked = scopes.entries().map(([name, { of, port }]) => {
    return { name, networks: typeof of === "string" ? addressesOf(of, names) : [of], channel: port };
  });
  return [...configured, ...asked];
}

/** Translates a selector, which may stand for the servers. */
export function destinationsOf({ to, port }: Selector, servers: readonly ResolvedServer[]): Destination[] {
  const [toPort, words] = port === "*" ? [{}, "any port"] : [{ toPort: port }, `port ${port}`];
  if (to === "*") return FAMILIES.map((family) => ({ note: `any host, ${words}`, family, ...toPort }));
  if (to !== "servers") {
    return [{ note: `${formatSubnet(to)}, ${words}`, to, family: familyOfHost(to.host), ...toPort }];
  }
  return servers.flatMap(({ name, networks, serves }) => {
    const ports = port !== "*" ? [toPort] : serves?.map((toPort) => ({ toPort })) ?? [{}];
    return networks.flatMap((to) =>
      ports.map((toPort) => ({ note: name, to, family: familyOfHost(to.host), ...toPort }))
    );
  });
}

/** A host's addresses, as single-address networks. @throws {UsageError} If it has none. */
export function addressesOf(host: string, names: ResolvedNames): Subnet[] {
  const found = names.addresses(host);
  if (found.length > 0) return found.map((host) => ({ host, bits: familyOfHost(host) === "ipv4" ? 32 : 128 }));
  const why = isIp(host) ? "is not a usable address" : "does not resolve";
  throw new UsageError([`micss rules: ${host} ${why}; give a name that does, or an address`]);
}
