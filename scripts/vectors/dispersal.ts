/**
 * Short shares from the text of docs/PROTOCOL.md 3.9 and RFC 8439, with none of the code in src, so that vectors and tests
 * check that code independently. Slow.
 *
 * @module
 */

import { join } from "./vector.ts";

/** Lengths in bytes: KEY, a record's head, the longest body that is shared byte by byte, K. */
const KEY = 48, HEAD = 35, WHOLE = 1024, K = 32;

/** One block of key stream: RFC 8439, section 2.3. @param nonce 12 bytes. */
function block(key: Uint8Array, counter: number, nonce: Uint8Array): Uint8Array<ArrayBuffer> {
  const constants = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];
  const initial = Uint32Array.of(...constants, ...words(key), counter, ...words(nonce)), state = initial.slice();
  const quarterRound = (a: number, b: number, c: number, d: number): void => {
    const step = (x: number, y: number, z: number, bits: number): void => {
      state[x]! += state[y]!;
      const sum = state[z]! ^ state[x]!;
      state[z] = sum << bits | sum >>> 32 - bits;
    };
    step(a, b, d, 16);
    step(c, d, b, 12);
    step(a, b, d, 8);
    step(c, d, b, 7);
  };
  for (let round = 0; round < 10; round++) {
    for (const column of [0, 1, 2, 3]) quarterRound(column, 4 + column, 8 + column, 12 + column);
    for (const i of [0, 1, 2, 3]) quarterRound(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
  }
  const bytes = new Uint8Array(64), view = new DataView(bytes.buffer);
  state.forEach((word, index) => view.setUint32(4 * index, word + initial[index]!, true));
  return bytes;
}

/** Little-endian words of 32 bits. */
function words(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 4 }, (_, index) => view.getUint32(4 * index, true));
}

/** ChaCha20 of RFC 8439, section 2.4.1, line by line. */
export function chacha20Slowly(
  key: Uint8Array,
  message: Uint8Array,
  counter = 0,
  nonce: Uint8Array = new Uint8Array(12),
): Uint8Array<ArrayBuffer> {
  const encrypted = new Uint8Array(message);
  for (let at = 0; at < message.length; at += 64) {
    const stream = block(key, counter + at / 64, nonce);
    for (let i = 0; i < 64 && at + i < message.length; i++) encrypted[at + i]! ^= stream[i]!;
  }
  return encrypted;
}

/** XOR of strings of one length. */
function xor(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts[0]!, (_, index) => parts.reduce((sum, part) => sum ^ part[index]!, 0));
}

/** A body's length, from its record's head. */
function bodyLength(head: Uint8Array): number {
  return head[0]! * 65_536 + head[1]! * 256 + head[2]!;
}

/**
 * Splits a direction into n short shares.
 *
 * @param message KEY and whole records.
 * @param random Returns the next random bytes: the pads of KEY, of each head and of each body that is shared byte by byte, in
 * the order of the channels; of a large body K, and then the pads of its shares.
 * @param drawn Gets each K.
 */
export function splitShortSlowly(
  message: Uint8Array,
  n: number,
  random: (length: number) => Uint8Array,
  drawn: (key: Uint8Array) => void = () => {},
): Uint8Array<ArrayBuffer>[] {
  const shares: Uint8Array[][] = Array.from({ length: n }, () => []);
  const shareBytes = (bytes: Uint8Array): void => {
    const pads = Array.from({ length: n - 1 }, () => random(bytes.length));
    [...pads, xor(bytes, ...pads)].forEach((share, index) => shares[index]!.push(share));
  };
  shareBytes(message.subarray(0, KEY));
  for (let at = KEY; at < message.length;) {
    const head = message.subarray(at, at + HEAD), length = bodyLength(head);
    const body = message.subarray(at + HEAD, at + HEAD + length);
    at += HEAD + length;
    shareBytes(head);
    if (length <= WHOLE) shareBytes(body);
    else {
      const key = random(K), fragment = Math.ceil(length / n);
      drawn(key);
      shareBytes(key);
      const encrypted = chacha20Slowly(key, join(body, new Uint8Array(n * fragment - length)));
      shares.forEach((share, index) => share.push(encrypted.subarray(index * fragment, (index + 1) * fragment)));
    }
  }
  return shares.map((parts) => join(...parts));
}

/** Joins short shares to a direction's message bytes, of which no length has to be doubted. */
export function joinShortSlowly(shares: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const n = shares.length, parts: Uint8Array[] = [];
  let at = 0;
  const next = (length: number): Uint8Array[] => {
    const bytes = shares.map((share) => share.subarray(at, at + length));
    at += length;
    return bytes;
  };
  parts.push(xor(...next(KEY)));
  while (at < shares[0]!.length) {
    const head = xor(...next(HEAD)), length = bodyLength(head);
    parts.push(head);
    if (length <= WHOLE) parts.push(xor(...next(length)));
    else {
      const key = xor(...next(K));
      parts.push(chacha20Slowly(key, join(...next(Math.ceil(length / n)))).subarray(0, length));
    }
  }
  return join(...parts);
}
