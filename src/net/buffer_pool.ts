/** What a buffer has beyond its nominal size: room for a frame's head, and for words of 8 bytes at any start. */
const SLACK = 48;

/** The nominal sizes in bytes, small to large. */
const SIZES = [512, 8192, 65536, 524288] as const;

/** The smallest nominal size: what something idle holds. */
export const SMALLEST_BUFFER: number = SIZES[0];

/** The largest nominal size. */
export const LARGEST_BUFFER: number = SIZES[SIZES.length - 1]!;

/**
 * So many of the smallest buffers are cut from one piece of memory, 64 KiB: thousands of sessions hold little else when
 * they are idle, and memory of its own costs each more than half of what is in it.
 */
const CUT = Math.floor(65536 / (SMALLEST_BUFFER + SLACK));

/** From this nominal size on a buffer is large, and counted while it is in use. */
const LARGE = SIZES[2];

/** What the buffers of flows that wait shrink to when large ones run short: the largest size that is not. */
const MODEST = SIZES[1];

/** With this many bytes of large buffers in use, what waits for more to come is to hold a modest one. */
const PRESSURE = 32 * 1024 * 1024;

/** With this many bytes of large buffers in use, reads get modest ones. */
const MAX_IN_USE = 2 * PRESSURE;

/** Free buffers are kept up to this many bytes; the memory of others is released. */
const MAX_FREE = 32 * 1024 * 1024;

const free = new Map<number, Uint8Array[]>(SIZES.map((size) => [size + SLACK, []]));
let kept = 0;

/** The bytes of all large buffers, free ones included. */
let large = 0;
/** Those of the free ones. */
let largeFree = 0;

/** Some buffers are not given back because an operation that failed may still use them: they count until collected. */
const uncounted = new FinalizationRegistry<number>((length) => void (large -= length));

/**
 * Takes a buffer of the process's common stock. It holds what its last owner left there.
 *
 * @param least The bytes needed, at most {@linkcode LARGEST_BUFFER} and 48.
 * @returns A buffer that starts on a word of 8 bytes and is at least that long; the caller's until given back.
 */
export function takeBuffer(least: number): Uint8Array {
  for (const size of SIZES) {
    if (size + SLACK < least) continue;
    const buffer = free.get(size + SLACK)!.pop();
    if (buffer === undefined) return size === SMALLEST_BUFFER ? cut() : allocate(size);
    kept -= buffer.length;
    if (size >= LARGE) largeFree -= buffer.length;
    return buffer;
  }
  throw new RangeError(`a buffer of ${least} bytes`);
}

/** The rest of the piece that is being cut. */
let piece = new Uint8Array(0);

function cut(): Uint8Array {
  const length = SMALLEST_BUFFER + SLACK;
  if (piece.length === 0) piece = new Uint8Array(CUT * length);
  const buffer = piece.subarray(0, length);
  piece = piece.subarray(length);
  return buffer;
}

function allocate(size: number): Uint8Array {
  const buffer = new Uint8Array(size + SLACK);
  if (size >= LARGE) {
    large += buffer.length;
    uncounted.register(buffer, buffer.length, buffer);
  }
  return buffer;
}

/** Gives back what {@linkcode takeBuffer} returned, whole. Nobody may use it, or a view of it, afterwards. */
export function giveBuffer(buffer: Uint8Array): void {
  const isLarge = buffer.length >= LARGE;
  if (kept + buffer.length <= MAX_FREE) {
    free.get(buffer.length)!.push(buffer);
    kept += buffer.length;
    if (isLarge) largeFree += buffer.length;
  } else if (isLarge) {
    large -= buffer.length;
    uncounted.unregister(buffer);
    // At once: after a burst nothing may make V8 collect garbage for minutes.
    (buffer.buffer as ArrayBuffer).transfer(0);
  }
}

/** What buffers take, in bytes. */
export interface BufferBytes {
  /** Large buffers in use. */
  readonly inUse: number;
  /** Buffers kept for the next that are asked for. */
  readonly free: number;
}

/** What buffers take at the moment. */
export function bufferBytes(): BufferBytes {
  return { inUse: large - largeFree, free: kept };
}

/** The nominal size of a read's buffer, as {@linkcode nextSize} gave it, or less while large ones run short. */
export function affordable(size: number): number {
  return size >= LARGE && large - largeFree + size > MAX_IN_USE ? MODEST : size;
}

/**
 * The nominal size of the next read's buffer, from how the last read used its own: a full one makes it a step larger, one
 * used to less than a sixteenth a step smaller. So a flow gets large reads and an idle connection holds little. While large
 * buffers run short, any read that was not full makes the next one modest: there is nothing more to read, so it waits.
 *
 * @param size The nominal size now.
 * @param used How many bytes the last read gave.
 */
export function nextSize(size: number, used: number): number {
  const step = SIZES.findIndex((one) => one === size);
  if (used >= size) return SIZES[step + 1] ?? size;
  if (size >= LARGE && large - largeFree > PRESSURE) return MODEST;
  return used * 16 < size ? SIZES[step - 1] ?? size : size;
}
