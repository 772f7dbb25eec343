import type { AdminAddress } from "../config/admin.ts";
import { canonicalHost, isIp } from "../net/ip.ts";
import type { ClientConfig, ServerConfig } from "../config/types.ts";
import type { Address } from "../net/address.ts";
import { systemClock } from "../time/clock.ts";
import { Lookups } from "../net/names/lookups.ts";
import { isAssigned, ownHosts } from "../net/own_hosts.ts";

/** How long a name may take to be resolved, in milliseconds. */
const PATIENCE = 5_000;

const NO_START = "the handler does not start without";

/** A host that a configuration names, and the value of the configuration that does. */
export interface Named {
  /** A name or an IP address. */
  readonly host: string;
  /** The value. */
  readonly in: object;
}

/** What a handler needs to find when it starts. */
export interface Requirements {
  /** Where it listens: addresses of this machine. */
  readonly listens: readonly Named[];
  /** Where it connects. */
  readonly connects: readonly Named[];
}

/** What the machine has. Tests put another in its place. */
export interface Machine {
  /** Its addresses; none where it does not tell. */
  readonly hosts: () => readonly string[];
  /** Finds a name's addresses. @throws {Error} With the name and the reason. */
  readonly resolve: (name: string) => Promise<readonly string[]>;
}

const lookups = new Lookups({ clock: systemClock });

/** This one. */
export const thisMachine: Machine = {
  hosts: ownHosts,
  resolve: (name) => lookups.addresses(name, { timeout: PATIENCE, source: name }),
};

/** What a server handler needs. */
export function serverRequirements({ channels, targets, admin }: ServerConfig): Requirements {
  return { listens: [...channels, ...addressOf(admin)].map(named), connects: targets.map(named) };
}

/** What a client handler needs. */
export function clientRequirements(config: ClientConfig): Requirements {
  const { servers, forwards, redirects, tproxies, socks5, httpConnects, admin } = config;
  const listens = [...forwards.map(({ listen }) => listen), ...redirects, ...tproxies, ...socks5, ...httpConnects];
  const known = servers.map(({ name }) => name);
  const learned = forwards.filter(({ server }) => !known.includes(server));
  return {
    listens: [...listens, ...addressOf(admin)].map(named),
    connects: [
      ...servers.flatMap(({ channels }) => channels).map(named),
      ...learned.map((forward) => ({ host: forward.server, in: forward })),
    ],
  };
}

/**
 * Which needs are not met: names that can't be resolved, and addresses to listen at that this machine does not have. It
 * may be otherwise when the handler starts.
 *
 * @param placeOf Tells where a value was written.
 * @returns A line for each: `PLACE: warning: what is wrong; what would be right`.
 */
export async function unmetRequirements(
  { listens, connects }: Requirements,
  placeOf: (value: object) => string,
  machine: Machine = thisMachine,
): Promise<string[]> {
  const own = machine.hosts();
  const looks = [
    ...listens.map(async (need) => [need, await lookAt(need.host, machine, own)] as const),
    ...connects.map(async (need) => [need, await lookAt(need.host, machine)] as const),
  ];
  return (await Promise.all(looks)).flatMap(([need, wrong]) => {
    return wrong === undefined ? [] : [`${placeOf(need.in)}: warning: ${wrong}`];
  });
}

/** @param own This machine's addresses, where the host has to be one of them. */
async function lookAt(host: string, machine: Machine, own?: readonly string[]): Promise<string | undefined> {
  let addresses: readonly string[];
  try {
    addresses = isIp(host) ? [canonicalHost(host)] : await machine.resolve(host);
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    return `${reason}; ${own === undefined ? "nothing goes there until it is resolved" : NO_START}`;
  }
  const foreign = own === undefined ? undefined : addresses.find((one) => !isAssigned(one, own));
  if (foreign === undefined) return undefined;
  return `${foreign === host ? host : `${host}, ${foreign},`} is no address of this machine; ${NO_START}`;
}

function addressOf(admin: AdminAddress | undefined): Address[] {
  return admin === undefined || "path" in admin ? [] : [admin];
}

function named<T extends { readonly host: string }>(value: T): Named {
  return { host: value.host, in: value };
}
