import { MicssError } from "../errors/errors.ts";
import { canonicalHost, isIp, sameHost, withoutZone } from "./ip.ts";
import { type OwnAddress, ownAddresses } from "./own_hosts.ts";

/** A connection left by another way than the one that its channel is to take, and was refused for it. */
export class WrongWay extends MicssError {}

/**
 * Returns the device of a connection's way.
 *
 * @param local The connection's local IP address.
 * @param via The way that it must take: a local IP address, or a device's name.
 * @param own This machine's addresses.
 * @throws {WrongWay} If the local address is another one, or another device's.
 */
export function deviceOfWay(local: string, via: string, own: readonly OwnAddress[] = ownAddresses()): string {
  const devices = own.filter(({ host }) => sameHost(host, local)).map(({ device }) => device);
  const wanted = isIp(via) ? sameHost(via, local) : devices.includes(via);
  const device = isIp(via) ? devices[0] : via;
  if (wanted && device !== undefined) return device;
  const from = withoutZone(canonicalHost(local));
  const known = own.some(({ host, device }) => isIp(via) ? sameHost(via, host) : device === via);
  const why = known
    ? "give it a route of its own with micss routes apply"
    : isIp(via)
    ? "no device has that address now"
    : "no such device has an address now";
  throw new WrongWay(`left from ${from}${devices.length > 0 ? ` (${devices[0]})` : ""}, not via ${via}; ${why}`);
}

/** Maximum number of devices that a message names. */
const MAX_NAMED = 12;

/**
 * Explains why no connection can take a way now: no device of that name has an address, or none has that address.
 *
 * @param own This machine's addresses; if empty, they are unknown, and every way passes.
 * @returns Undefined if one may.
 */
export function missingWay(via: string, own: readonly OwnAddress[]): string | undefined {
  if (own.length === 0 || own.some(({ host, device }) => isIp(via) ? sameHost(via, host) : device === via)) return;
  if (isIp(via)) return `${via} is not assigned to this machine`;
  return `no device ${via} has an address on this machine, only ${devicesOf(own)}`;
}

/** Lists the devices that have addresses. */
export function devicesOf(own: readonly OwnAddress[]): string {
  const devices = [...new Set(own.map(({ device }) => device))], more = devices.length - MAX_NAMED;
  return `${devices.slice(0, MAX_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
