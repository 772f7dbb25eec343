/**
 * The field and the tag of docs/PROTOCOL.md once more, from its text, with integers of any size and none of the
 * project's code: what tests compare with. Slow.
 *
 * @module
 */

const POLYNOMIAL = 1n << 128n | 0x87n;

/** Big-endian bytes as an integer. */
export function toInteger(bytes: Uint8Array): bigint {
  return bytes.reduce((integer, byte) => integer << 8n | BigInt(byte), 0n);
}

/** An element of the field as 16 bytes. */
export function toElement(integer: bigint): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, index) => Number(integer >> BigInt(8 * (15 - index)) & 255n));
}

/** The product of two polynomials over GF(2), modulo the field's: the schoolbook's, then the division's remainder. */
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

/** All that a control frame's tag depends on. */
export interface Tagged {
  /** The direction's key. */
  readonly key: Uint8Array;
  /** The mask in force. */
  readonly mask: Uint8Array;
  /** The frame's type. */
  readonly type: number;
  /** The frame's body. */
  readonly body: Uint8Array;
  /** How many control frames went before it. */
  readonly controlFrames: number;
  /** How many bytes of DATA went before it. */
  readonly dataBytes: number;
  /** The mask that it carries for the next one. */
  readonly nextMask: Uint8Array;
}

/** The blocks m1 ... md of a control frame. */
export function blocksOf({ type, body, controlFrames, dataBytes, nextMask }: Tagged): Uint8Array[] {
  const hex = (integer: number, bytes: number): string => integer.toString(16).padStart(2 * bytes, "0");
  const first = hex(type, 1) + hex(body.length + 32, 3) + hex(controlFrames, 4) + hex(dataBytes, 8);
  const padded = body.toHex().padEnd(Math.ceil(body.length / 16) * 32, "0");
  return [first, ...padded.match(/.{32}/g) ?? [], nextMask.toHex()].map((block) => Uint8Array.fromHex(block));
}

/** A control frame's tag. */
export function tagOf(tagged: Tagged): Uint8Array {
  const sum = evaluateSlowly(blocksOf(tagged), tagged.key);
  return sum.map((byte, index) => byte ^ tagged.mask[index]!);
}
