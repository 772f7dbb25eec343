/** One test vector: a name, a description, and values; bytes are in hexadecimal. */
export interface Vector {
  /** Unique in its group. */
  readonly name: string;
  /** One line on the case that it covers. */
  readonly description: string;
  /** The values. */
  readonly [value: string]: unknown;
}

/** Bytes that count up from `start`. */
export function counted(length: number, start = 0): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => start + index);
}

/** Joins bytes. */
export function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** An unsigned big-endian integer of a number of bytes. */
export function uint(value: number | bigint, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(BigInt(value).toString(16).padStart(2 * length, "0"));
}

/** Text as UTF-8. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Flips the lowest bit of the byte at `at`. */
export function flipped(bytes: Uint8Array, at: number): Uint8Array<ArrayBuffer> {
  return changed(bytes, at, bytes[at]! ^ 1);
}

/** Replaces the byte at `at`. */
export function changed(bytes: Uint8Array, at: number, byte: number): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice();
  copy[at] = byte;
  return copy;
}

/** Bytes in hexadecimal, with long runs of one byte shortened: `(00*65529)` stands for 65,529 zeros. */
export function shortHex(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0, end; at < bytes.length; at = end) {
    end = at + 1;
    while (end < bytes.length && bytes[end] === bytes[at]) end++;
    const byte = uint(bytes[at]!, 1).toHex();
    text += end - at < 1000 ? byte.repeat(end - at) : `(${byte}*${end - at})`;
  }
  return text;
}

/** Reverses {@linkcode shortHex}. */
export function fromShortHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(text.replace(/\((..)\*(\d+)\)/g, (_, byte, times) => byte.repeat(Number(times))));
}
