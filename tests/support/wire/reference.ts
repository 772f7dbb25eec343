/**
 * A second implementation of docs/PROTOCOL.md's frames and docs/RECORDS.md's field, from their text, with integers of any
 * size and none of the project's code, for tests to compare with. Slow.
 *
 * @module
 */

const POLYNOMIAL = 1n << 128n | 0x87n;

/** Parses big-endian bytes. */
export function toInteger(bytes: Uint8Array): bigint {
  return bytes.reduce((integer, byte) => integer << 8n | BigInt(byte), 0n);
}

/** Encodes an element of the field as 16 bytes. */
export function toElement(integer: bigint): Uint8Array {
  return toBytes(integer, 16);
}

/** Multiplies two polynomials over GF(2) modulo the field's: schoolbook multiplication, then the division's remainder. */
export function multiply(a: bigint, b: bigint): bigint {
  let product = 0n;
  for (let i = 0n; i < 128n; i++) if (b >> i & 1n) product ^= a << i;
  for (let i = 254n; i >= 128n; i--) if (product >> i & 1n) product ^= POLYNOMIAL << (i - 128n);
  return product;
}

/** m1 k + m2 k^2 + ... + md k^d, power by power. */
export function evaluateSlowly(blocks: readonly Uint8Array[], key: Uint8Array): Uint8Array {
  const k = toInteger(key);
  let power = 1n, sum = 0n;
  for (const block of blocks) {
    power = multiply(power, k);
    sum ^= multiply(toInteger(block), power);
  }
  return toElement(sum);
}

/** An integer as big-endian bytes: `u8`, `u16`, `u32` for 1, 2, 4 bytes. */
export function toBytes(integer: number | bigint, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => Number(BigInt(integer) >> BigInt(8 * (length - 1 - index)) & 255n));
}

/**
 * A frame of any content: `type u8 | stream u32 | length u16 | body`.
 *
 * @param length What the head says of the body's length. Default: the truth.
 */
export function frameSlowly(
  type: number,
  stream: number,
  body: Iterable<number> = [],
  length?: number,
): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(body);
  return Uint8Array.of(type, ...toBytes(stream, 4), ...toBytes(length ?? bytes.length, 2), ...bytes);
}
