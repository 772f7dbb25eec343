import { MicssError } from "../../errors/errors.ts";
import { type Address, formatAddress } from "../address.ts";
import { isIpv4 } from "../ip.ts";
import type { Listener, Network } from "../connection.ts";

/** A handler can't start, for a reason outside of it; the message says what would help. */
export class StartError extends MicssError {}

/** What the system's refusal means to whoever chose the address. */
function listenError(address: Address, others: readonly Address[], cause: unknown): StartError {
  const where = `can't listen at ${formatAddress(address)}`;
  if (cause instanceof Deno.errors.AddrInUse) {
    for (const other of others) {
      const [wide, narrow] = takes(other, address) ? [other, address] : [address, other];
      if (!takes(wide, narrow)) continue;
      const [all, one] = [formatAddress(wide), formatAddress(narrow)];
      return new StartError(`${where}: ${all} takes what comes to ${one} too; leave ${one} out, or change its port`, {
        cause,
      });
    }
    return new StartError(`${where}: another program listens there; end it or choose another port`, { cause });
  }
  if (cause instanceof Deno.errors.AddrNotAvailable) {
    return new StartError(`${where}: this machine does not have that address`, { cause });
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    return new StartError(`${where}: ports below 1024 need privileges; choose another port`, { cause });
  }
  return new StartError(`${where}: ${cause instanceof Error ? cause.message : cause}`, { cause });
}

/** Whether a listener leaves nothing for another: an IPv6 socket at :: takes IPv4 connections too. */
function takes(wide: Address, { host, port }: Address): boolean {
  return wide.port === port && (wide.host === "::" || wide.host === "0.0.0.0" && isIpv4(host));
}

/**
 * Listens at every address, or at none, where the other workers of this process may listen too, and a process that takes
 * the place of this one.
 *
 * @param exclusive Whether nothing may listen there yet: of several workers, the first makes sure of that for all.
 * @throws {StartError} For the first that can't be listened at.
 */
export function listenShared(network: Network, addresses: readonly Address[], exclusive: boolean): Listener[] {
  if (exclusive) { for (const only of listenAll(network, addresses)) only.close(); }
  return listenAll(network, addresses, true);
}

/**
 * Listens at every address, or at none.
 *
 * @param shared As in {@linkcode Network.listen}.
 * @throws {StartError} For the first that can't be listened at.
 */
export function listenAll(network: Network, addresses: readonly Address[], shared = false): Listener[] {
  const listeners: Listener[] = [];
  for (const address of addresses) {
    try {
      listeners.push(network.listen(address, shared));
    } catch (cause) {
      for (const listener of listeners) listener.close();
      throw listenError(address, addresses.filter((other) => other !== address), cause);
    }
  }
  return listeners;
}
