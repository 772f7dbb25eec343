import type { Address } from "../address.ts";
import { isIp } from "../ip.ts";
import { type LocalMachine, localMachine } from "../names/local_machine.ts";
import { isAssigned } from "../own_hosts.ts";

/**
 * The addresses to listen at for a configured address. A name stands for all of its addresses that are assigned to this
 * machine, since a client may pick any of them. A name with none stays as it is, so that listening reports the error.
 */
export async function listenAddresses(
  address: Address,
  { resolve, hosts }: Pick<LocalMachine, "resolve" | "hosts"> = localMachine,
): Promise<readonly Address[]> {
  if (isIp(address.host)) return [address];
  const own = hosts();
  const found = await resolve(address.host).catch(() => []);
  const assigned = found.filter((host) => isAssigned(host, own));
  return assigned.length === 0 ? [address] : assigned.map((host) => ({ ...address, host }));
}
