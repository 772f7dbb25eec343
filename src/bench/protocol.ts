/** The port at which `micss bench --answer` listens, and that sessions ask for, where none is given. */
export const BENCH_PORT = 6523;

/** What is asked of who answers: send back what comes, count what comes, or send. */
export type Mode = "echo" | "up" | "down";

/** The first bytes of a connection that measures. */
export interface Request {
  /** What is measured. */
  readonly mode: Mode;
  /** How long the flow may take to get up to speed, in milliseconds, at most 65,535: it is not counted. */
  readonly ramp: number;
  /** How long it is counted, in milliseconds, at most 65,535. */
  readonly window: number;
}

/** What a receiver counted. */
export interface Count {
  /** In bytes. */
  readonly bytes: number;
  /** From the first to the last of them, in microseconds. */
  readonly microseconds: number;
}

/** A request's length in bytes; it is also its answer, before anything else. */
export const REQUEST_LENGTH = 16;

/** A count's length in bytes. */
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
 * @param bytes {@linkcode REQUEST_LENGTH} of them.
 * @returns null for what is none.
 */
export function decodeRequest(bytes: Uint8Array): Request | null {
  if (!MAGIC.every((byte, at) => byte === bytes[at])) return null;
  const letter = String.fromCharCode(bytes[MAGIC.length]!);
  const mode = (Object.keys(MODES) as Mode[]).find((mode) => MODES[mode] === letter);
  if (mode === undefined) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return { mode, ramp: view.getUint16(12), window: view.getUint16(14) };
}

/** Encodes what was counted: bytes and microseconds as `u64`. */
export function encodeCount({ bytes, microseconds }: Count): Uint8Array {
  const view = new DataView(new ArrayBuffer(COUNT_LENGTH));
  view.setBigUint64(0, BigInt(bytes));
  view.setBigUint64(8, BigInt(Math.round(microseconds)));
  return new Uint8Array(view.buffer);
}

/** Decodes what was counted. */
export function decodeCount(bytes: Uint8Array): Count {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return { bytes: Number(view.getBigUint64(0)), microseconds: Number(view.getBigUint64(8)) };
}
