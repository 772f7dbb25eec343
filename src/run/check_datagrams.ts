import type { ClientConfig, ServerConfig } from "../config/types.ts";
import { type Address, formatAddress } from "../net/address.ts";
import { canonicalHost } from "../net/ip.ts";
import { hasNativeHelper } from "../net/linux/libc.ts";
import { StartError } from "../net/listen/listen.ts";

/** Tells if the C library may be called: without it, a UDP socket has one address, and belongs to one worker. */
type NativeHelper = ReturnType<typeof hasNativeHelper>;

/** @throws {StartError} When the system does not support a server's datagrams as they are configured. */
export function checkServerDatagrams(
  { channels, udpTargets }: Pick<ServerConfig, "channels" | "udpTargets">,
  native: NativeHelper = hasNativeHelper(),
): void {
  if (native.ok || udpTargets.length === 0) return;
  refuseAny(channels, native.why, "give each channel an address of this machine, or no udp-targets");
}

/** @throws {StartError} When the system does not support a client's datagrams as they are configured. */
export function checkClientDatagrams(
  { udpForwards, udpTproxies, workers }: Pick<ClientConfig, "udpForwards" | "udpTproxies" | "workers">,
  native: NativeHelper = hasNativeHelper(),
): void {
  if (native.ok) return;
  if (udpTproxies.length > 0) throw new StartError(`--udp-tproxy ${native.why}; use --udp-forward instead`);
  if (udpForwards.length === 0) return;
  refuseAny(udpForwards.map(({ listen }) => listen), native.why, "give udp-forward an address of this machine");
  if (workers > 1) throw new StartError(`udp-forward with several workers ${native.why}; give workers: 1`);
}

function refuseAny(addresses: readonly Address[], why: string, remedy: string): void {
  const any = addresses.find(({ host }) => ["0.0.0.0", "::"].includes(canonicalHost(host)));
  if (any !== undefined) throw new StartError(`UDP at any address (${formatAddress(any)}) ${why}; ${remedy}`);
}
