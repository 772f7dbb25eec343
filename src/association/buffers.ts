/** What a buffer has beyond its nominal size: room for a frame's head, and for words of 8 bytes at any start. */
const SLACK = 48;

/** The nominal sizes in bytes, small to large. */
const SIZES = [512, 8192, 65536, 524288] as const;

/** The smallest nominal size: what something idle holds. */
export const SMALLEST_BUFFER: number = SIZES[0];

/** The largest nominal size. */
export const LARGEST_BUFFER: number = SIZES[SIZES.length - 1]!;

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
    if (buffer === undefined) return new Uint8Array(size + SLACK);
    kept -= buffer.length;
    return buffer;
  }
  throw new RangeError(`a buffer of ${least} bytes`);
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
