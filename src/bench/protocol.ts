/** Default port of `micss bench --answer`, which sessions request. */
export const BENCH_PORT = 6523;

/** Task of the answerer: echo, count received bytes, or send. */
export type Mode = "echo" | "up" | "down";

/** The first bytes of a measuring connection. */
export interface Request {
  /** Kind of measurement. */
  readonly mode: Mode;
  /** Uncounted time for the flow to reach its speed, in milliseconds; at most 65,535. */
  readonly ramp: number;
  /** Counted time, in milliseconds; at most 65,535. */
  readonly window: number;
}

/** Count of a receiver. */
export interface Count {
  /** In bytes. */
  readonly bytes: number;
  /** Time from the first to the last byte, in microseconds. */
  readonly microseconds: number;
}

/** Length of a request in bytes. The answer begins with a copy of it. */
export const REQUEST_LENGTH = 16;

/** Length of a count in bytes. */
export const COUNT_LENGTH = 16;

const MAGIC = new TextEncoder().encode("micss-bench");
const MODES: Readonly<Record<Mode, string>> = { echo: "e", up: "u", down: "d" };

/** Encodes a request: `"micss-bench"`, the mode's letter, and both times as `u16`. */
export function encodeRequest({ mode, ramp, window }: Request): Uint8Array {
  const bytes = new Uint8Array(REQUEST_LENGTH);
  bytes.set(MAGIC);
  bytes[MAGIC.length] = MODES[mode].charCodeAt(0);
  const view = new DataView(bytes.buffer);
  view.setUint16(12, ramp);
  view.setUint16(14, window);
  return bytes;
}

/**
 * Decodes a request.
 *
 * @param bytes {@linkcode REQUEST_LENGTH} bytes.
 * @returns null if it is not a request.
 */
export function decodeRequest(bytes: Uint8Array): Request | null {
  if (!MAGIC.every((byte, at) => byte === bytes[at])) return null;
  const letter = String.fromCharCode(bytes[MAGIC.length]!);
  const mode = (Object.keys(MODES) as Mode[]).find((mode) => MODES[mode] === letter);
  if (mode === undefined) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return { mode, ramp: view.getUint16(12), window: view.getUint16(14) };
}

/** Encodes a count: bytes and microseconds as `u64`. */
export function encodeCount({ bytes, microseconds }: Count): Uint8Array {
  const view = new DataView(new ArrayBuffer(COUNT_LENGTH));
  view.setBigUint64(0, BigInt(bytes));
  view.setBigUint64(8, BigInt(Math.round(microseconds)));
  return new Uint8Array(view.buffer);
}

/** Decodes a count. */
export function decodeCount(bytes: Uint8Array): Count {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return { bytes: Number(view.getBigUint64(0)), microseconds: Number(view.getBigUint64(8)) };
}
