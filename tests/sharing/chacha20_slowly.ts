/** ChaCha20 as RFC 8439 describes it, word by word, for the tests of faster ones. */

/** "expand 32-byte k". */
const CONSTANTS = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];

/** Indexes of the words of each quarter round: the columns, then the diagonals (section 2.3). */
const ROUNDS = [
  ...[[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15]],
  ...[[0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]],
] as [number, number, number, number][];

/** Encrypts or decrypts a message with block counters from 0 and a nonce of zeros (section 2.4). */
export function chacha20Slowly(key: Uint8Array, message: Uint8Array): Uint8Array<ArrayBuffer> {
  const keyStream = new Uint8Array(64 * Math.ceil(message.length / 64));
  for (let at = 0; at < keyStream.length; at += 64) keyStream.set(block(key, at / 64), at);
  return Uint8Array.from(message, (byte, at) => byte ^ keyStream[at]!);
}

/** A block of the key stream (section 2.3). */
function block(key: Uint8Array, counter: number): Uint8Array {
  const words = new DataView(key.buffer, key.byteOffset), result = new DataView(new ArrayBuffer(64));
  const key32 = Array.from({ length: 8 }, (_, index) => words.getUint32(4 * index, true));
  const start = [...CONSTANTS, ...key32, counter, 0, 0, 0], state = Uint32Array.from(start);
  for (let round = 0; round < 10; round++) for (const indexes of ROUNDS) quarterRound(state, ...indexes);
  start.forEach((word, index) => result.setUint32(4 * index, word + state[index]!, true));
  return new Uint8Array(result.buffer);
}

/** Section 2.1. */
function quarterRound(state: Uint32Array, a: number, b: number, c: number, d: number): void {
  for (const [first, second] of [[16, 12], [8, 7]] as const) {
    state[a]! += state[b]!;
    state[d] = rotated(state[d]! ^ state[a]!, first);
    state[c]! += state[d]!;
    state[b] = rotated(state[b]! ^ state[c]!, second);
  }
}

function rotated(word: number, by: number): number {
  return word << by | word >>> 32 - by;
}
