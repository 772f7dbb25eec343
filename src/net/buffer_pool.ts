/** Extra bytes of every buffer: alignment to words of 8 bytes at any offset, and the heads of a record. */
const SLACK = 48;

/**
 * Extra bytes for each of the longest records that a full buffer makes: a head, or for each of 16 short shares a head, a key's
 * share, and alignment.
 */
const RECORD_SLACK = 1152;

/** Bytes in a record. */
const RECORD = 65_536;

/** Nominal sizes in bytes, in ascending order. */
const SIZES = [512, 8192, 65536, 524288] as const;

/** Smallest nominal size, for idle connections. */
export const SMALLEST_BUFFER: number = SIZES[0];

/** Largest nominal size. */
export const LARGEST_BUFFER: number = SIZES[SIZES.length - 1]!;

/** Length in bytes of the largest buffer. */
export const LARGEST_CAPACITY: number = capacityOf(LARGEST_BUFFER);

/**
 * Number of smallest buffers that share an allocation of 64 KiB. Thousands of idle sessions hold little else, and an
 * allocation of its own would cost each buffer half of its size again.
 */
const PER_SLAB = Math.floor(65536 / capacityOf(SMALLEST_BUFFER));

/** Nominal size from which buffers are large, and counted while in use. */
const LARGE = SIZES[2];

/** Size to which the buffers of waiting flows shrink when large ones run short: the largest that is not large. */
const MODEST = SIZES[1];

/** Bytes of large buffers in use beyond which flows that wait for input get modest ones. */
const PRESSURE = 32 * 1024 * 1024;

/** Bytes of large buffers in use beyond which all reads get modest ones. */
const MAX_IN_USE = 2 * PRESSURE;

/** Maximum total size of free buffers, in bytes; the memory of others is released. */
const MAX_FREE = 32 * 1024 * 1024;

const free = new Map<number, Uint8Array[]>(SIZES.map((size) => [capacityOf(size), []]));
let kept = 0;

/** Bytes of all large buffers, including free ones. */
let large = 0;
/** Bytes of free large buffers. */
let largeFree = 0;

/** Counts down for buffers that are collected without being given back, as a failed operation may still use them. */
const uncounted = new FinalizationRegistry<number>((length) => void (large -= length));

/**
 * Takes a buffer from the process's pool. It contains whatever its last owner left there.
 *
 * @param minLength Bytes needed, at most {@linkcode LARGEST_CAPACITY}.
 * @returns A buffer aligned to 8 bytes and at least that long; the caller owns it until {@linkcode giveBuffer}.
 */
export function takeBuffer(minLength: number): Uint8Array {
  for (const size of SIZES) {
    if (capacityOf(size) < minLength) continue;
    const buffer = free.get(capacityOf(size))!.pop();
    if (buffer === undefined) return size === SMALLEST_BUFFER ? cutFromSlab() : allocate(size);
    kept -= buffer.length;
    if (size >= LARGE) largeFree -= buffer.length;
    return buffer;
  }
  throw new RangeError(`No buffer has ${minLength} bytes; the largest has ${LARGEST_CAPACITY}`);
}

/** Unused rest of the current allocation for smallest buffers. */
let slab = new Uint8Array(0);

function cutFromSlab(): Uint8Array {
  const length = capacityOf(SMALLEST_BUFFER);
  if (slab.length === 0) slab = new Uint8Array(PER_SLAB * length);
  const buffer = slab.subarray(0, length);
  slab = slab.subarray(length);
  return buffer;
}

function allocate(size: number): Uint8Array {
  const buffer = new Uint8Array(capacityOf(size));
  if (size >= LARGE) {
    large += buffer.length;
    uncounted.register(buffer, buffer.length, buffer);
  }
  return buffer;
}

/** The length in bytes of the buffer that {@linkcode takeBuffer} would give; infinite if none is that long. */
export function bufferLength(minLength: number): number {
  return capacityOf(SIZES.find((size) => capacityOf(size) >= minLength) ?? Infinity);
}

/** Gives back a whole buffer of {@linkcode takeBuffer}. The caller must not use it, or a view of it, any more. */
export function giveBuffer(buffer: Uint8Array): void {
  const isLarge = buffer.length >= LARGE;
  if (kept + buffer.length <= MAX_FREE) {
    free.get(buffer.length)!.push(buffer);
    kept += buffer.length;
    if (isLarge) largeFree += buffer.length;
  } else if (isLarge) {
    large -= buffer.length;
    uncounted.unregister(buffer);
    // Releases the memory immediately: after a burst V8 may not collect garbage for minutes.
    (buffer.buffer as ArrayBuffer).transfer(0);
  }
}

/** Memory of buffers, in bytes. */
export interface BufferBytes {
  /** Large buffers in use. */
  readonly inUse: number;
  /** Free buffers. */
  readonly free: number;
}

/** Length in bytes of a buffer of a nominal size. */
function capacityOf(size: number): number {
  return size + SLACK + RECORD_SLACK * Math.floor(size / RECORD);
}

/** Current memory of buffers. */
export function bufferBytes(): BufferBytes {
  return { inUse: large - largeFree, free: kept };
}

/** Nominal size for a read: `size`, as {@linkcode nextSize} chose it, or less while large buffers run short. */
export function affordable(size: number): number {
  return size >= LARGE && large - largeFree + size > MAX_IN_USE ? MODEST : size;
}

/**
 * Nominal size for the next read, given the use of the last one: a step larger if its buffer was full, a step smaller if
 * less than a sixteenth was used. Flows thus get large reads, and idle connections hold little. While large buffers run
 * short, a read that did not fill its buffer gets a modest one next, since it will wait for input.
 *
 * @param size Nominal size of the last read.
 * @param used Number of bytes that the last read returned.
 */
export function nextSize(size: number, used: number): number {
  const step = SIZES.findIndex((one) => one === size);
  if (used >= size) return SIZES[step + 1] ?? size;
  if (size >= LARGE && large - largeFree > PRESSURE) return MODEST;
  return used * 16 < size ? SIZES[step - 1] ?? size : size;
}
