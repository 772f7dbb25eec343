/**
 * A second implementation of docs/PROTOCOL.md's field and tag, from its text, with integers of any size and none of the
 * project's code, for tests to compare with. Slow.
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
  return Uint8Array.from({ length: 16 }, (_, index) => Number(integer >> BigInt(8 * (15 - index)) & 255n));
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

/** The inputs of a frame's tag. */
export interface Tagged {
  /** The direction's key. */
  readonly key: Uint8Array;
  /** The current mask. */
  readonly mask: Uint8Array;
  /** The frame's type. */
  readonly type: number;
  /** The length of its body. */
  readonly length: number;
  /** Number of preceding frames in its direction, including KEY. */
  readonly number: number;
  /** The mask for the next frame. */
  readonly nextMask: Uint8Array;
  /** The part of the body under the tag: all of it, or nothing for DATA. */
  readonly covered: Uint8Array;
}

/** The blocks m1 ... md of a frame. */
export function blocksOf({ type, length, number, nextMask, covered }: Tagged): Uint8Array[] {
  const hex = (integer: number, bytes: number): string => integer.toString(16).padStart(2 * bytes, "0");
  const first = hex(type, 1) + hex(length, 3) + hex(0, 4) + hex(number, 8);
  const padded = covered.toHex().padEnd(Math.ceil(covered.length / 16) * 32, "0");
  return [first, nextMask.toHex(), ...padded.match(/.{32}/g) ?? []].map((block) => Uint8Array.fromHex(block));
}

/** A frame's tag. */
export function tagOf(tagged: Tagged): Uint8Array {
  const sum = evaluateSlowly(blocksOf(tagged), tagged.key);
  return sum.map((byte, index) => byte ^ tagged.mask[index]!);
}

/** A frame's head: its type, its length, the next mask, its tag. */
export function headOf(tagged: Tagged): Uint8Array {
  const start = Uint8Array.of(tagged.type, tagged.length >> 16, tagged.length >> 8, tagged.length);
  return Uint8Array.of(...start, ...tagged.nextMask, ...tagOf(tagged));
}
