import type { Address } from "../address.ts";
import type { DatagramNetwork, DatagramOptions, DatagramSocket } from "../datagram.ts";
import { listenError } from "./listen.ts";

/**
 * Binds a UDP socket to every address, or to none.
 *
 * @throws {StartError} For the first address that fails.
 */
export function bindAll(
  network: DatagramNetwork,
  addresses: readonly Address[],
  options?: DatagramOptions,
): DatagramSocket[] {
  const sockets: DatagramSocket[] = [];
  for (const address of addresses) {
    try {
      sockets.push(network.bind(address, options));
    } catch (cause) {
      for (const socket of sockets) socket.close();
      throw listenError(address, addresses.filter((other) => other !== address), cause);
    }
  }
  return sockets;
}

/**
 * Binds a UDP socket to every address, or to none, and lets other workers of this process and a replacement of this process
 * bind there, too, where the system can spread datagrams over them.
 *
 * @param exclusive Fails if anything is bound there already; the first of several workers checks this for all.
 * @param options Further options of the sockets.
 * @throws {StartError} For the first address that fails.
 */
export function bindShared(
  network: DatagramNetwork,
  addresses: readonly Address[],
  exclusive: boolean,
  options: DatagramOptions = {},
): DatagramSocket[] {
  if (exclusive) { for (const probe of bindAll(network, addresses, options)) probe.close(); }
  try {
    return bindAll(network, addresses, { ...options, shared: true });
  } catch (error) {
    // One worker needs no sharing: only a replacement does, which then fails.
    const unsupported = error instanceof Error && error.cause instanceof Deno.errors.NotSupported;
    if (!unsupported || !exclusive) throw error;
    return bindAll(network, addresses, options);
  }
}
