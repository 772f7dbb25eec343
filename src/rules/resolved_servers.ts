import { UsageError } from "../config/problems.ts";
import type { Selector } from "../config/rules.ts";
import { formatScope } from "../config/scope.ts";
import { isIp } from "../net/ip.ts";
import type { ClientConfig } from "../config/types.ts";
import type { Subnet } from "../net/ip.ts";
import type { ResolvedNames } from "./names.ts";
import { FAMILIES, type Family, familyOfHost, formatSubnet } from "./ruleset.ts";

/** Where a server handler is, or may be. */
export interface ResolvedServer {
  /** What a person calls it. */
  readonly name: string;
  /** Its addresses. */
  readonly networks: readonly Subnet[];
  /** The ports that are carried to it; all where left out. */
  readonly serves?: readonly number[];
  /** The port of its channels there, or at which it is asked for them. */
  readonly channel: number;
}

/** What a selector stands for: as much as one rule can say. */
export interface Part {
  /** The same in words. */
  readonly note: string;
  /** The destination's network; every address of the family where left out. */
  readonly to?: Subnet;
  /** The version of IP. */
  readonly family: Family;
  /** The destination's port; every port where left out. */
  readonly toPort?: number;
}

/** The part of a client's configuration that says where servers are. */
export type Known = Pick<ClientConfig, "servers" | "keys">;

/** The hosts whose addresses {@linkcode resolveServers} needs. */
export function hostsOf({ servers, keys }: Known): string[] {
  const asked = keys.flatMap(({ scope: { of } }) => typeof of === "string" ? of : []);
  return [...servers.flatMap(({ channels }) => channels.map(({ host }) => host)), ...asked];
}

/**
 * Where the configuration's servers are, and those that it has keys for.
 *
 * @throws {UsageError} When a host has no address.
 */
export function resolveServers({ servers, keys }: Known, names: ResolvedNames): ResolvedServer[] {
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

/** What a selector stands for, given where the servers are. */
export function partsOf({ to, port }: Selector, places: readonly ResolvedServer[]): Part[] {
  const [toPort, words] = port === "*" ? [{}, "any port"] : [{ toPort: port }, `port ${port}`];
  if (to === "*") return FAMILIES.map((family) => ({ note: `any host, ${words}`, family, ...toPort }));
  if (to !== "servers") {
    return [{ note: `${formatSubnet(to)}, ${words}`, to, family: familyOfHost(to.host), ...toPort }];
  }
  return places.flatMap(({ name, networks, serves }) => {
    const ports = port !== "*" ? [toPort] : serves?.map((toPort) => ({ toPort })) ?? [{}];
    return networks.flatMap((to) =>
      ports.map((toPort) => ({ note: name, to, family: familyOfHost(to.host), ...toPort }))
    );
  });
}

/** A host's addresses, each as a network of its own. @throws {UsageError} When it has none. */
export function addressesOf(host: string, names: ResolvedNames): Subnet[] {
  const found = names.addresses(host);
  if (found.length > 0) return found.map((host) => ({ host, bits: familyOfHost(host) === "ipv4" ? 32 : 128 }));
  const why = isIp(host) ? "is no address" : "has no address now";
  throw new UsageError([`micss rules: ${host} ${why}; give one that resolves, or an address`]);
}
