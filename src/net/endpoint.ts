/**
 * Addresses of datagrams as words of 32 bits, which are compared and copied without making text: there may be hundreds of
 * thousands in a second.
 *
 * @module
 */

import type { Address } from "./address.ts";
import { bytesHost, hostBytes } from "./ip.ts";
import { scopeOf } from "./own_hosts.ts";

/**
 * Number of words of an endpoint: four of the IP address in network order, IPv4 as IPv4-mapped IPv6; the port; and the
 * scope ID of IPv6 (RFC 4007), 0 for none.
 */
export const ENDPOINT_WORDS = 6;

/** An endpoint alone, of {@linkcode ENDPOINT_WORDS} words. All zeros stand for none. */
export type Endpoint = Uint32Array<ArrayBuffer>;

/** The word 00 00 ff ff of IPv4-mapped addresses, as this machine reads it. */
export const MAPPED: number = new Uint32Array(Uint8Array.of(0, 0, 255, 255).buffer)[0]!;

/**
 * Encodes an address.
 *
 * @throws {TypeError} If the host is not an IP address.
 * @throws {Deno.errors.AddrNotAvailable} If its zone is not a number, nor a device with a link-local address.
 */
export function endpointOf({ host, port }: Address): Endpoint {
  const bytes = hostBytes(host);
  if (bytes === null) throw new TypeError(`not an IP address: "${host}"`);
  const endpoint = new Uint32Array(ENDPOINT_WORDS);
  if (bytes.length === 4) endpoint[2] = MAPPED;
  new Uint8Array(endpoint.buffer).set(bytes, 16 - bytes.length);
  endpoint[4] = port;
  endpoint[5] = bytes.length === 4 ? 0 : scopeIn(host);
  return endpoint;
}

/** The scope ID of a host's zone, 0 if it has none. @throws {Deno.errors.AddrNotAvailable} As {@linkcode endpointOf}. */
export function scopeIn(host: string): number {
  const [, zone = "0"] = host.split("%"), scope = scopeOf(zone);
  if (scope !== null) return scope;
  throw new Deno.errors.AddrNotAvailable(`no device ${zone} has a link-local address now`);
}

/** Decodes the endpoint at word `at`, its host as `canonicalHost` spells it. */
export function addressAt(words: Uint32Array, at = 0): Address {
  const bytes = new Uint8Array(words.slice(at, at + 4).buffer);
  const host = bytesHost(isMapped(words, at) ? bytes.subarray(12) : bytes), scope = words[at + 5]!;
  return { host: scope === 0 ? host : `${host}%${scope}`, port: words[at + 4]! };
}

/** True for an endpoint of IPv4. */
export function isMapped(words: Uint32Array, at = 0): boolean {
  return words[at + 2] === MAPPED && words[at + 1] === 0 && words[at] === 0;
}

/** True for an address, other words aside, of zeros only: none, or any of IPv6. */
export function isUnspecified(words: Uint32Array, at = 0): boolean {
  return (words[at]! | words[at + 1]! | words[at + 2]! | words[at + 3]!) === 0;
}

/** Compares two endpoints in all words. */
export function sameEndpoint(a: Uint32Array, aAt: number, b: Uint32Array, bAt: number): boolean {
  for (let word = 0; word < ENDPOINT_WORDS; word++) if (a[aAt + word] !== b[bAt + word]) return false;
  return true;
}

/** Compares the IP addresses of two endpoints, and neither port nor scope. */
export function sameEndpointHost(a: Uint32Array, aAt: number, b: Uint32Array, bAt: number): boolean {
  for (let word = 0; word < 4; word++) if (a[aAt + word] !== b[bAt + word]) return false;
  return true;
}

/** Copies an endpoint. */
export function copyEndpoint(from: Uint32Array, fromAt: number, to: Uint32Array, toAt: number): void {
  for (let word = 0; word < ENDPOINT_WORDS; word++) to[toAt + word] = from[fromAt + word]!;
}
