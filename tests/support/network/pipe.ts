/** Initial size of a pipe's ring, in bytes. */
const SMALL = 1024;

/**
 * One direction of an in-memory connection: a bounded queue of bytes between one writer and one reader, with TCP's ways
 * to end. At most one read and one write are pending at a time.
 */
export class Pipe {
  readonly #capacity: number;
  /** Grows as needed, up to the capacity: most connections of most tests carry little. */
  #ring: Uint8Array;
  #start = 0;
  #size = 0;
  #ended = false;
  /** Rejects reads in place of the end. */
  #readError: Error | undefined;
  #writeError: Error | undefined;
  /** Set once the reader has closed in order: the next write is lost, and later ones break the pipe. */
  #unheard = false;
  /** Set once the reader has left: its pending read is interrupted. */
  #readerLeft = false;
  #writerLeft = false;
  /** Wakes the pending read. */
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  /** @param capacity Bytes that it buffers before writes wait. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#ring = new Uint8Array(Math.min(capacity, SMALL));
  }

  /** Number of bytes written and not yet read. */
  get size(): number {
    return this.#size;
  }

  /** Set once reading ends in null after the buffered bytes. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Reads buffered bytes into `into`, waiting for the first one.
   *
   * @param limit Maximum number of the available bytes to read.
   * @returns The number of bytes, or null after {@linkcode Pipe.end}.
   */
  async read(into: Uint8Array, limit: (available: number) => number): Promise<number | null> {
    if (this.#wakeReader !== undefined) throw new TypeError("A read is under way already");
    while (into.length > 0 && this.#size === 0) {
      if (this.#readError !== undefined) throw this.#readError;
      if (this.#ended) return null;
      await new Promise<void>((wake) => this.#wakeReader = wake);
      this.#wakeReader = undefined;
      if (this.#readerLeft) throw interrupted();
    }
    const available = Math.min(into.length, this.#size);
    const count = Math.min(available, Math.max(1, limit(available)));
    for (let done = 0; done < count;) {
      const part = Math.min(count - done, this.#ring.length - this.#start);
      into.set(this.#ring.subarray(this.#start, this.#start + part), done);
      this.#start = (this.#start + part) % this.#ring.length;
      done += part;
    }
    this.#size -= count;
    this.#wakeWriter?.();
    return count;
  }

  /** Writes as many of `bytes` as fit, waiting until at least one does. */
  async write(bytes: Uint8Array): Promise<number> {
    if (this.#wakeWriter !== undefined) throw new TypeError("A write is under way already");
    while (true) {
      if (this.#writeError !== undefined) throw this.#writeError;
      if (this.#ended) throw brokenPipe();
      if (this.#unheard) {
        this.#writeError = brokenPipe();
        return bytes.length;
      }
      if (bytes.length === 0 || this.#size < this.#capacity) break;
      await new Promise<void>((wake) => this.#wakeWriter = wake);
      this.#wakeWriter = undefined;
      if (this.#writerLeft) throw interrupted();
    }
    const count = Math.min(bytes.length, this.#capacity - this.#size);
    this.#hold(this.#size + count);
    for (let done = 0; done < count;) {
      const end = (this.#start + this.#size) % this.#ring.length;
      const part = Math.min(count - done, this.#ring.length - end);
      this.#ring.set(bytes.subarray(done, done + part), end);
      this.#size += part;
      done += part;
    }
    this.#wakeReader?.();
    return count;
  }

  /** Grows the ring to hold `size` bytes. */
  #hold(size: number): void {
    if (size <= this.#ring.length) return;
    const ring = new Uint8Array(Math.min(this.#capacity, Math.max(size, 2 * this.#ring.length)));
    ring.set(this.#ring.subarray(this.#start));
    ring.set(this.#ring.subarray(0, this.#start), this.#ring.length - this.#start);
    this.#ring = ring;
    this.#start = 0;
  }

  /** Ends the writer's side: the reader reads null after the buffered bytes. */
  end(): void {
    this.#ended = true;
    this.#wakeReader?.();
  }

  /** Closes the writer: like {@linkcode Pipe.end}, or with `error`, unless it had ended, instead of the buffered bytes. */
  leaveWriting(error: Error | null): void {
    this.#writerLeft = true;
    if (error !== null && !this.#ended) {
      this.#readError = error;
      this.#size = 0;
    }
    this.end();
    this.#wakeWriter?.();
  }

  /** Closes the reader. Writes reject with `error`; if it is null, the next write is lost first. */
  leaveReading(error: Error | null): void {
    this.#readerLeft = true;
    this.#size = 0;
    if (error === null) this.#unheard = true;
    else this.#writeError = error;
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }
}

function interrupted(): Error {
  return new Deno.errors.Interrupted("operation canceled");
}

/** The error of a write that has no reader. */
export function brokenPipe(): Error {
  return new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
}
