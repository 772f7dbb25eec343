import { MicssError } from "../../errors/errors.ts";
import { type Address, formatAddress } from "../address.ts";
import type { Listener, Network } from "../connection.ts";
import { isIpv4, sameHost } from "../ip.ts";

/** A handler can't start for an external reason; the message includes the remedy. */
export class StartError extends MicssError {}

/**
 * Explains the system's error to the person who configured the address.
 *
 * @param others The other addresses to listen at.
 */
export function listenError(address: Address, others: readonly Address[], cause: unknown): StartError {
  const failed = `can't listen at ${formatAddress(address)}`;
  if (cause instanceof Deno.errors.AddrInUse) {
    for (const other of others) {
      if (other.port === address.port && sameHost(other.host, address.host)) {
        return new StartError(`${failed}: two settings stand for this address; give each its own`, { cause });
      }
      const [wide, narrow] = covers(other, address) ? [other, address] : [address, other];
      if (!covers(wide, narrow)) continue;
      const [all, one] = [formatAddress(wide), formatAddress(narrow)];
      return new StartError(`${failed}: ${all} already covers ${one}; remove ${one} or change its port`, { cause });
    }
    return new StartError(`${failed}: another program listens there; stop it or choose another port`, { cause });
  }
  if (cause instanceof Deno.errors.AddrNotAvailable) {
    return new StartError(`${failed}: the address is not assigned to this machine; give one that is`, { cause });
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    return new StartError(`${failed}: ports below 1024 need privileges; choose another port`, { cause });
  }
  return new StartError(`${failed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
}

/** Reports whether a listener at `wide` leaves no room for another one: a socket at :: accepts IPv4 connections, too. */
export function covers(wide: Address, { host, port }: Address): boolean {
  return wide.port === port && (wide.host === "::" || wide.host === "0.0.0.0" && isIpv4(host));
}

/**
 * Listens at every address, or at none, and lets other workers of this process and a replacement of this process listen
 * there, too.
 *
 * @param exclusive Fails if anything listens there already; the first of several workers checks this for all.
 * @throws {StartError} For the first address that fails.
 */
export function listenShared(network: Network, addresses: readonly Address[], exclusive: boolean): Listener[] {
  if (exclusive) { for (const probe of listenAll(network, addresses)) probe.close(); }
  return listenAll(network, addresses, true);
}

/**
 * Listens at every address, or at none.
 *
 * @param shared As in {@linkcode Network.listen}.
 * @throws {StartError} For the first address that fails.
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
