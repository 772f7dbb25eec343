import { giveBuffer, takeBuffer } from "../net/buffer_pool.ts";
import { Chunk } from "../net/chunk.ts";
import type { Connection } from "../net/connection.ts";
import type { Stream, StreamReceiver } from "../streams/stream.ts";
import { applicationError } from "./application_error.ts";
import type { HalfObserver } from "./half.ts";
import type { Traffic } from "./traffic.ts";

/** DATA shorter than this is copied. */
const MIN_HELD = 16_384;

/** Ratio of a buffer to the DATA in it beyond which that is copied: holding it would keep much more in memory. */
const MAX_RATIO = 9;

/** Bytes of short pieces that are copied for one write. */
const MAX_JOINED = 65_536;

/** Waiting pieces that are joined if they are short: each needs a few hundred bytes of memory besides its own. */
const MANY = 512;

/** Bytes at most between pieces that follow each other in a buffer: the heads of a record and of a frame. */
const MAX_GAP = 48;

const NOTHING = () => {};

const NOW = Promise.resolve();

/**
 * Writes what arrives on a stream to an application, and half-closes its connection at END. Keeps what arrives before the
 * application is ready; the stream's credit bounds it.
 */
export class Incoming implements StreamReceiver {
  readonly #traffic: Traffic;
  #stream: Stream | null = null;
  #application: Connection | null = null;
  #waiting: Chunk[] = [];
  #writing = false;
  #hasEnded = false;
  #error: Error | null = null;
  #observer: HalfObserver | null = null;
  /** The chunk being written, and its bytes that the application has taken. */
  #chunk: Chunk | null = null;
  #taken = 0;
  // One function each, rather than one for each write.
  readonly #flush = () => this.#next();
  readonly #written = (length: number) => this.#onWritten(length);
  readonly #rejected = (cause: unknown) => this.#fail(applicationError(cause));

  /** Starts with nothing. @param traffic Counts the bytes that the application has taken. */
  constructor(traffic: Traffic) {
    this.#traffic = traffic;
  }

  /** The stream's error, if it has failed. */
  get error(): Error | null {
    return this.#error;
  }

  /**
   * Writes to an application until END.
   *
   * @param observer Gets an `ApplicationError` when writing fails, and the stream's error when that fails or has failed.
   */
  run(stream: Stream, application: Connection, observer: HalfObserver): void {
    this.#stream = stream;
    this.#application = application;
    this.#observer = observer;
    if (this.#error !== null) this.#fail(this.#error);
    else this.#next();
  }

  /** Called by the stream. */
  data(bytes: Uint8Array, record: Chunk): void {
    const isNext = this.#waiting.length === 0 && !this.#writing;
    const isHeld = bytes.length >= MIN_HELD && MAX_RATIO * bytes.length >= bytes.buffer.byteLength;
    const chunk = isHeld ? new Chunk(bytes, holding(record)) : isNext ? pooled(bytes) : copied(bytes);
    // An array that push() enlarges has room for 17: too much for a session that is idle afterwards.
    if (this.#waiting.length === 0) this.#waiting = [chunk];
    else this.#waiting.push(chunk);
    if (this.#waiting.length % MANY === 0) this.#joinLast();
    // Afterwards: more may come in the same turn, and leave in one write.
    if (isNext) NOW.then(this.#flush);
  }

  /** Called by the stream. */
  ended(): void {
    this.#hasEnded = true;
    this.#next();
  }

  /** Called when the stream fails, or the session is aborted: resets the application's connection, and loses what that has not taken yet. */
  failed(error: Error): void {
    this.#error = error;
    this.#fail(error);
    // Also ends the other direction, which may wait for the application, where this one has ended in order.
    this.#application?.reset();
  }

  #next(): void {
    if (this.#writing || this.#application === null || this.#error !== null) return;
    const chunk = this.#take();
    if (chunk !== null) {
      this.#writing = true;
      this.#chunk = chunk;
      this.#taken = 0;
      this.#application.write(chunk.bytes).then(this.#written, this.#rejected);
    } else if (this.#hasEnded) {
      this.#writing = true;
      this.#application.closeWrite().then(() => this.#end(), this.#rejected);
    }
  }

  #end(): void {
    const observer = this.#observer;
    this.#observer = null;
    observer?.ended();
  }

  #fail(error: Error): void {
    const observer = this.#observer;
    this.#observer = null;
    observer?.failed(error);
  }

  /** Keeps the memory of what waits near its length, however short the pieces are in which it comes. */
  #joinLast(): void {
    const last = this.#waiting.slice(-MANY), length = last.reduce((sum, { bytes }) => sum + bytes.length, 0);
    if (length <= MAX_JOINED) this.#waiting.splice(-MANY, MANY, join(last, length));
  }

  #onWritten(length: number): void {
    const chunk = this.#chunk!, { bytes } = chunk;
    this.#traffic.received += length;
    this.#taken += length;
    if (this.#taken < bytes.length) {
      this.#application!.write(bytes.subarray(this.#taken)).then(this.#written, this.#rejected);
      return;
    }
    this.#chunk = null;
    // Not after the release, which may detach the bytes: their length is then 0.
    this.#stream!.taken(bytes.length);
    chunk.release();
    this.#writing = false;
    this.#next();
  }

  /** Takes what to write next: several pieces at once, where that is cheap. */
  #take(): Chunk | null {
    const waiting = this.#waiting;
    if (waiting.length < 2) return waiting.pop() ?? null;
    let count = 1, { length } = waiting[0]!.bytes;
    if (length >= MIN_HELD) {
      while (count < waiting.length && follows(waiting[count]!, waiting[count - 1]!)) count++;
      return closeUp(waiting.splice(0, count));
    }
    while (count < waiting.length && length + waiting[count]!.bytes.length <= MAX_JOINED) {
      length += waiting[count++]!.bytes.length;
    }
    return count === 1 ? waiting.shift()! : join(waiting.splice(0, count), length);
  }
}

/** True if a piece follows another one in the same buffer. */
function follows({ bytes }: Chunk, { bytes: before }: Chunk): boolean {
  const gap = bytes.byteOffset - before.byteOffset - before.length;
  return bytes.buffer === before.buffer && gap >= 0 && gap <= MAX_GAP;
}

/** Moves pieces that follow each other together, over the heads between them: much cheaper than a write for each. */
function closeUp(pieces: readonly Chunk[]): Chunk {
  const [first] = pieces;
  if (pieces.length === 1) return first!;
  const { buffer, byteOffset } = first!.bytes, whole = new Uint8Array(buffer, byteOffset);
  let end = 0;
  for (const { bytes } of pieces) {
    whole.copyWithin(end, bytes.byteOffset - byteOffset, bytes.byteOffset - byteOffset + bytes.length);
    end += bytes.length;
  }
  return new Chunk(whole.subarray(0, end), () => pieces.forEach((piece) => piece.release()));
}

/** Copies pieces into one buffer, and releases them. */
function join(pieces: readonly Chunk[], length: number): Chunk {
  const buffer = takeBuffer(length);
  let at = 0;
  for (const piece of pieces) {
    buffer.set(piece.bytes, at);
    at += piece.bytes.length;
    piece.release();
  }
  return new Chunk(buffer.subarray(0, length), () => giveBuffer(buffer));
}

/** Holds a record. @returns Releases it. */
function holding(record: Chunk): () => void {
  record.hold();
  return () => record.release();
}

/** Copies bytes that are about to be written: a pooled buffer takes less time than one of their size, and more memory. */
function pooled(bytes: Uint8Array): Chunk {
  const buffer = takeBuffer(bytes.length);
  buffer.set(bytes);
  return new Chunk(buffer.subarray(0, bytes.length), () => giveBuffer(buffer));
}

/** Copies bytes that wait. */
function copied(bytes: Uint8Array): Chunk {
  return new Chunk(bytes.slice(), NOTHING);
}
