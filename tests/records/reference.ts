/**
 * Records once more, from their description in docs/RECORDS.md, with integers of any size and none of the project's
 * code: the values that tests compare with. Slow.
 *
 * @module
 */

import { evaluateSlowly } from "../support/wire/reference.ts";

/** 2^130 - 5. */
export const PRIME = (1n << 130n) - 5n;

const CLAMP = 0x0ffffffc0ffffffc0ffffffc0fffffffn;

/** Little-endian bytes as an integer. */
export function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((integer, byte) => integer << 8n | BigInt(byte), 0n);
}

/** Poly1305 of RFC 8439, section 2.5.1, line by line. */
export function poly1305Slowly(key: Uint8Array, message: Uint8Array): Uint8Array {
  const r = littleEndian(key.subarray(0, 16)) & CLAMP, s = littleEndian(key.subarray(16));
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const block = message.subarray(at, at + 16);
    sum = (sum + littleEndian(block) + (1n << BigInt(8 * block.length))) * r % PRIME;
  }
  return Uint8Array.from({ length: 16 }, (_, index) => Number(sum + s >> BigInt(8 * index) & 255n));
}

/** A body's hash under the hash key rho. */
export function hashSlowly(rho: Uint8Array, body: Uint8Array): Uint8Array {
  return poly1305Slowly(Uint8Array.of(...rho, ...new Uint8Array(16)), body);
}

/** The tag of a head: m1 k + m2 k^2. */
export function tagSlowly(k: Uint8Array, length: number, number: number, hash: Uint8Array): Uint8Array {
  const m1 = Uint8Array.fromHex(length.toString(16).padStart(16, "0") + number.toString(16).padStart(16, "0"));
  return evaluateSlowly([m1, hash], k);
}

/** KEY: k, rho, and their tag. */
export function keySlowly(k: Uint8Array, rho: Uint8Array): Uint8Array {
  return Uint8Array.of(...k, ...rho, ...tagSlowly(k, 0, 0, rho));
}

/** A record. */
export function recordSlowly(k: Uint8Array, rho: Uint8Array, number: number, body: Uint8Array): Uint8Array {
  const { length } = body, hash = hashSlowly(rho, body);
  return Uint8Array.of(length >> 16, length >> 8, length, ...hash, ...tagSlowly(k, length, number, hash), ...body);
}
