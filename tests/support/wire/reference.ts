/**
 * Frames from the text of docs/PROTOCOL.md 5.1, with none of the project's code, for tests to compare with. Records are in
 * scripts/vectors/sealing.ts, short shares in scripts/vectors/dispersal.ts.
 *
 * @module
 */

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
