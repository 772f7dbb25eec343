import type { AdminAddress } from "../config/admin.ts";
import { canonicalHost, isIp } from "../net/ip.ts";
import type { ClientConfig, ServerConfig } from "../config/types.ts";
import type { Address, ChannelAddress } from "../net/address.ts";
import { reasonOf } from "../errors/errors.ts";
import { type LocalMachine, localMachine } from "../net/names/local_machine.ts";
import { isAssigned, type OwnAddress } from "../net/own_hosts.ts";
import { missingWay } from "../net/way.ts";

const NO_START = "the handler will not start";

/** A host in a configuration. */
export interface HostUse {
  /** A name or an IP address. */
  readonly host: string;
  /** The configuration value that names it, for messages. */
  readonly value: object;
}

/** Hosts that a handler needs when it starts, and the ways of its channels. */
export interface Requirements {
  /** Hosts to listen at, which must be assigned to this machine. */
  readonly listens: readonly HostUse[];
  /** Hosts to connect to. */
  readonly connects: readonly HostUse[];
  /** Channels with a way, which this machine must have. Default: none. */
  readonly ways?: readonly ChannelAddress[];
}

/** Requirements of a server handler. */
export function serverRequirements({ channels, targets, udpTargets, admin }: ServerConfig): Requirements {
  const connects = [...targets, ...udpTargets].map(hostUse);
  return { listens: [...channels, ...adminAddress(admin)].map(hostUse), connects };
}

/** Requirements of a client handler. */
export function clientRequirements(config: ClientConfig): Requirements {
  const { servers, redirects, tproxies, udpTproxies, socks5, httpConnects, admin } = config;
  const forwards = [...config.forwards, ...config.udpForwards];
  const others = [...redirects, ...tproxies, ...udpTproxies, ...socks5, ...httpConnects];
  const listens = [...forwards.map(({ listen }) => listen), ...others];
  const configured = servers.map(({ name }) => name);
  const learned = forwards.filter(({ server }) => !configured.includes(server));
  return {
    listens: [...listens, ...adminAddress(admin)].map(hostUse),
    connects: [
      ...servers.flatMap(({ channels }) => channels).map(hostUse),
      ...learned.map((forward) => ({ host: forward.server, value: forward })),
    ],
    ways: servers.flatMap(({ channels }) => channels),
  };
}

/**
 * Finds names that do not resolve, addresses to listen at that are not assigned to this machine, and ways that it does
 * not have. All of that may change before the handler starts.
 *
 * @param placeOf Tells where a configuration value was written.
 * @returns Warnings, one line each: `PLACE: warning: what is wrong; what follows`.
 */
export async function unmetRequirements(
  { listens, connects, ways = [] }: Requirements,
  placeOf: (value: object) => string,
  machine: LocalMachine = localMachine,
): Promise<string[]> {
  const own = machine.hosts(), addresses = machine.addresses();
  const checks = [
    ...listens.map(async ({ host, value }) => [value, await problemWith(host, machine, own)] as const),
    ...connects.map(async ({ host, value }) => [value, await problemWith(host, machine)] as const),
    ...ways.map((channel) => [channel, wayProblem(channel, addresses)] as const),
  ];
  return (await Promise.all(checks)).flatMap(([value, problem]) => {
    return problem === undefined ? [] : [`${placeOf(value)}: warning: ${problem}`];
  });
}

/** @param own This machine's addresses, if the host must be one of them. */
async function problemWith(host: string, machine: LocalMachine, own?: readonly string[]): Promise<string | undefined> {
  const [, zone = ""] = isIp(host) ? host.split("%") : [];
  const missing = /^\d*$/.test(zone) ? undefined : missingWay(zone, machine.addresses());
  if (missing !== undefined) {
    return `${missing}; ${own === undefined ? "connections there fail until that changes" : NO_START}`;
  }
  let addresses: readonly string[];
  try {
    addresses = isIp(host) ? [canonicalHost(host)] : await machine.resolve(host);
  } catch (error) {
    return `${reasonOf(error)}; ${own === undefined ? "connections there fail until it resolves" : NO_START}`;
  }
  const foreign = own === undefined ? undefined : addresses.find((address) => !isAssigned(address, own));
  if (foreign === undefined) return undefined;
  return `${foreign === host ? host : `${host} (${foreign})`} is not assigned to this machine; ${NO_START}`;
}

function wayProblem({ via }: ChannelAddress, own: readonly OwnAddress[]): string | undefined {
  const problem = via === undefined ? undefined : missingWay(via, own);
  return problem === undefined ? undefined : `${problem}; the channel fails until that changes`;
}

function adminAddress(admin: AdminAddress | undefined): Address[] {
  return admin === undefined || "path" in admin ? [] : [admin];
}

function hostUse<T extends { readonly host: string }>(value: T): HostUse {
  return { host: value.host, value };
}
