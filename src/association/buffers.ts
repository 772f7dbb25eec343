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

/** Free buffers are kept up to this many bytes; more are left to the garbage collector. */
const MOST_KEPT = 32 * 1024 * 1024;

const free = new Map<number, Uint8Array[]>(SIZES.map((size) => [size + SLACK, []]));
let kept = 0;

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
    if (buffer === undefined) return size === SMALLEST_BUFFER ? cut() : new Uint8Array(size + SLACK);
    kept -= buffer.length;
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

/** Gives back what {@linkcode takeBuffer} returned, whole. Nobody may use it, or a view of it, afterwards. */
export function giveBuffer(buffer: Uint8Array): void {
  if (kept + buffer.length > MOST_KEPT) return;
  free.get(buffer.length)!.push(buffer);
  kept += buffer.length;
}

/**
 * The nominal size of the next read's buffer, from how the last read used its own: a full one makes it a step larger, one
 * used to less than a sixteenth a step smaller. So a flow gets large reads and an idle connection holds little.
 *
 * @param size The nominal size now.
 * @param used How many bytes the last read gave.
 */
export function nextSize(size: number, used: number): number {
  const step = SIZES.findIndex((one) => one === size);
  if (used >= size) return SIZES[step + 1] ?? size;
  return used * 16 < size ? SIZES[step - 1] ?? size : size;
}
