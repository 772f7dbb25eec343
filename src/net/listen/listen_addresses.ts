import { systemClock } from "../../time/clock.ts";
import type { Address } from "../address.ts";
import { isIp } from "../ip.ts";
import { Lookups } from "../names/lookups.ts";
import { isAssigned, ownHosts } from "../own_hosts.ts";

/** Time limit for resolving a name, in milliseconds. */
const RESOLVE_TIMEOUT = 5_000;

/** The machine as {@linkcode listenAddresses} sees it; tests substitute another. */
export interface LocalMachine {
  /** Resolves a name to its addresses. */
  readonly resolve: (name: string) => Promise<readonly string[]>;
  /** The machine's own addresses; none if unknown. */
  readonly hosts: () => readonly string[];
}

const lookups = new Lookups({ clock: systemClock });
const localMachine: LocalMachine = {
  hosts: ownHosts,
  resolve: (name) => lookups.addresses(name, { timeout: RESOLVE_TIMEOUT, source: name }),
};

/**
 * The addresses to listen at for a configured address. A name stands for all of its addresses that are assigned to this
 * machine, since a client may pick any of them. A name with none stays as it is, so that listening reports the error.
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
