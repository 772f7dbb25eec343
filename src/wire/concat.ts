/**
 * Concatenates pieces; plain numbers contribute their lowest 8 bits. By hand, because @std/bytes takes arrays of bytes only.
 *
 * @returns A new array, also of a single piece.
 */
export function concat(pieces: readonly ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
