import type { Address } from "../address.ts";
import { systemClock } from "../../time/clock.ts";
import { isIp } from "../ip.ts";
import { Lookups } from "../names/lookups.ts";
import { isAssigned, ownHosts } from "../own_hosts.ts";

/** How long a name may take to be resolved, in milliseconds. */
const RESOLVE_TIMEOUT = 5_000;

const lookups = new Lookups({ clock: systemClock });

/** What {@linkcode listenAddresses} needs of the machine. Tests put another in its place. */
export interface LocalMachine {
  /** Finds a name's addresses. */
  readonly resolve: (name: string) => Promise<readonly string[]>;
  /** The machine's addresses; none where it does not tell. */
  readonly hosts: () => readonly string[];
}

const localMachine: LocalMachine = {
  hosts: ownHosts,
  resolve: (name) => lookups.addresses(name, { timeout: RESOLVE_TIMEOUT, source: name }),
};

/**
 * The addresses to listen at for one that a configuration names: of a name, all that this machine has, since a client may
 * pick any of them. A name that can't be resolved, or has none of them, stays as it is: listening says what is wrong.
 */
export async function listenAddresses(
  address: Address,
  { resolve, hosts }: LocalMachine = localMachine,
): Promise<readonly Address[]> {
  if (isIp(address.host)) return [address];
  const own = hosts();
  const found = await resolve(address.host).catch(() => []);
  const assigned = found.filter((host) => isAssigned(host, own));
  return assigned.length === 0 ? [address] : assigned.map((host) => ({ ...address, host }));
}
