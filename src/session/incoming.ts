import { giveBuffer, takeBuffer } from "../net/buffer_pool.ts";
import { Chunk } from "../net/chunk.ts";
import type { Connection } from "../net/connection.ts";
import type { Stream, StreamReceiver } from "../streams/stream.ts";
import { applied } from "./application_error.ts";
import type { Traffic } from "./traffic.ts";

/** DATA shorter than this is copied: holding it would keep a much larger record in memory. */
const MIN_HELD = 16_384;

/** Bytes of short pieces that are joined for one write. */
const MAX_JOINED = 65_536;

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
  readonly #done = Promise.withResolvers<void>();

  /** Starts with nothing. @param traffic Counts the bytes that the application has taken. */
  constructor(traffic: Traffic) {
    this.#traffic = traffic;
    // A failure before run() surfaces there.
    this.#done.promise.catch(() => {});
  }

  /** The stream's error, if it has failed. */
  get error(): Error | null {
    return this.#error;
  }

  /**
   * Writes to an application until END.
   *
   * @throws {ApplicationError} When writing fails.
   * @throws When the stream fails.
   */
  run(stream: Stream, application: Connection): Promise<void> {
    this.#stream = stream;
    this.#application = application;
    this.#next();
    return this.#done.promise;
  }

  /** Called by the stream. */
  data(bytes: Uint8Array, record: Chunk): void {
    const isHeld = bytes.length >= MIN_HELD;
    this.#waiting.push(isHeld ? new Chunk(bytes, holding(record)) : copied(bytes));
    this.#next();
  }

  /** Called by the stream. */
  ended(): void {
    this.#hasEnded = true;
    this.#next();
  }

  /** Called when the stream fails, or the session is aborted: resets the application's connection, and loses what that has not taken yet. */
  failed(error: Error): void {
    this.#error = error;
    this.#done.reject(error);
    // Also ends the other direction, which may wait for the application, where this one has ended in order.
    this.#application?.reset();
  }

  #next(): void {
    if (this.#writing || this.#application === null || this.#error !== null) return;
    const chunk = this.#take();
    if (chunk !== null) {
      this.#writing = true;
      this.#write(chunk, 0);
    } else if (this.#hasEnded) {
      this.#writing = true;
      applied(this.#application.closeWrite()).then(this.#done.resolve, this.#done.reject);
    }
  }

  #write(chunk: Chunk, from: number): void {
    const { bytes } = chunk;
    applied(this.#application!.write(from === 0 ? bytes : bytes.subarray(from))).then((length) => {
      this.#traffic.received += length;
      if (from + length < bytes.length) return this.#write(chunk, from + length);
      // Not after the release, which may detach the bytes: their length is then 0.
      this.#stream!.taken(bytes.length);
      chunk.release();
      this.#writing = false;
      this.#next();
    }).catch(this.#done.reject);
  }

  /** Takes what to write next: several short pieces at once. */
  #take(): Chunk | null {
    const waiting = this.#waiting;
    if (waiting.length < 2) return waiting.pop() ?? null;
    let count = 0, length = 0;
    while (count < waiting.length && length + waiting[count]!.bytes.length <= MAX_JOINED) {
      length += waiting[count++]!.bytes.length;
    }
    if (count < 2) return waiting.shift()!;
    const buffer = takeBuffer(length);
    let at = 0;
    for (const chunk of waiting.splice(0, count)) {
      buffer.set(chunk.bytes, at);
      at += chunk.bytes.length;
      chunk.release();
    }
    return new Chunk(buffer.subarray(0, length), () => giveBuffer(buffer));
  }
}

/** Holds a record. @returns Releases it. */
function holding(record: Chunk): () => void {
  record.hold();
  return () => record.release();
}

function copied(bytes: Uint8Array): Chunk {
  return new Chunk(bytes.slice(), () => {});
}
