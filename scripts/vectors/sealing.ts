/**
 * KEY and records from the text of docs/PROTOCOL.md (4.1 to 4.3) alone: with integers of any size, and none of the code
 * in src, so that vectors and tests check that code independently. Slow.
 *
 * @module
 */

import { join, uint } from "./vector.ts";

const POLYNOMIAL = 1n << 128n | 0x87n;

/** 2^130 - 5. */
export const PRIME: bigint = (1n << 130n) - 5n;

const CLAMP = 0x0ffffffc0ffffffc0ffffffc0fffffffn;

/** Parses an element of GF(2^128). */
export function toInteger(bytes: Uint8Array): bigint {
  return bytes.reduce((integer, byte) => integer << 8n | BigInt(byte), 0n);
}

/** Encodes an element of GF(2^128) as 16 bytes. */
export function toElement(integer: bigint): Uint8Array<ArrayBuffer> {
  return uint(integer, 16);
}

/** Multiplies two elements of GF(2^128): schoolbook multiplication, then the division's remainder. */
export function multiply(a: bigint, b: bigint): bigint {
  let product = 0n;
  for (let i = 0n; i < 128n; i++) if (b >> i & 1n) product ^= a << i;
  for (let i = 254n; i >= 128n; i--) if (product >> i & 1n) product ^= POLYNOMIAL << (i - 128n);
  return product;
}

/** Parses little-endian bytes. */
export function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((integer, byte) => integer << 8n | BigInt(byte), 0n);
}

/** Poly1305 of RFC 8439, section 2.5.1, line by line. */
export function poly1305Slowly(key: Uint8Array, message: Uint8Array): Uint8Array<ArrayBuffer> {
  const r = littleEndian(key.subarray(0, 16)) & CLAMP, s = littleEndian(key.subarray(16));
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const block = message.subarray(at, at + 16);
    sum = (sum + littleEndian(block) + (1n << BigInt(8 * block.length))) * r % PRIME;
  }
  return Uint8Array.from({ length: 16 }, (_, index) => Number(sum + s >> BigInt(8 * index) & 255n));
}

/** A body's hash under the hash key rho. */
export function hashSlowly(rho: Uint8Array, body: Uint8Array): Uint8Array<ArrayBuffer> {
  return poly1305Slowly(join(rho, new Uint8Array(16)), body);
}

/** The first block under a tag, m1: the body's length and the record's number. */
export function firstBlock(length: number, number: number): Uint8Array<ArrayBuffer> {
  return uint(BigInt(length) << 64n | BigInt(number), 16);
}

/** The tag of a head: m1 k + h k^2. */
export function tagSlowly(k: Uint8Array, length: number, number: number, hash: Uint8Array): Uint8Array<ArrayBuffer> {
  const key = toInteger(k), m1 = toInteger(firstBlock(length, number));
  return toElement(multiply(m1, key) ^ multiply(toInteger(hash), multiply(key, key)));
}

/** KEY: k, rho, and their tag. */
export function keySlowly(k: Uint8Array, rho: Uint8Array): Uint8Array<ArrayBuffer> {
  return join(k, rho, tagSlowly(k, 0, 0, rho));
}

/** A record. */
export function recordSlowly(
  k: Uint8Array,
  rho: Uint8Array,
  number: number,
  body: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const hash = hashSlowly(rho, body);
  return join(uint(body.length, 3), hash, tagSlowly(k, body.length, number, hash), body);
}
