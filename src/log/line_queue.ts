import { type Clock, systemClock } from "../time/clock.ts";

/** How much may wait to be written, in characters: some 5,000 lines. */
const MAX_WAITING = 1 << 20;

/** Where a queue writes, such as standard error. */
export interface Sink {
  /** Writes some of `bytes`, and resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Configures a {@linkcode LineQueue}. */
export interface LineQueueOptions {
  /** Called once lines can be written again after some were dropped, with how many. */
  readonly dropped?: (lines: number) => void;
  /** Maximum number of characters that wait. Default: 1 Mi. */
  readonly limit?: number;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/**
 * Writes lines in order without ever blocking its caller: a reader that stalls (a full pipe, a stopped terminal) costs
 * lines, not sessions. Lines beyond the limit are dropped and counted.
 */
export class LineQueue {
  readonly #sink: Sink;
  readonly #options: LineQueueOptions;
  readonly #limit: number;
  #waiting: string[] = [];
  /** Characters that wait or are being written. */
  #size = 0;
  #writing: Promise<void> | null = null;
  #reported = 0;
  #closed = false;
  /** Lines dropped so far. */
  dropped = 0;

  /** An empty queue. */
  constructor(sink: Sink, options: LineQueueOptions = {}) {
    this.#sink = sink;
    this.#options = options;
    this.#limit = options.limit ?? MAX_WAITING;
  }

  /** Queues a line, given without its newline. */
  push(line: string): void {
    if (this.#closed || this.#size + line.length >= this.#limit) {
      this.dropped++;
      return;
    }
    this.#waiting.push(line);
    this.#size += line.length + 1;
    this.#writing ??= this.#writeAll();
  }

  /** Waits until every line is written, at most `ms` milliseconds; then drops the rest, and all that comes later. */
  async close(ms: number): Promise<void> {
    await within(this.#writing ?? Promise.resolve(), ms, this.#options.clock);
    this.#closed = true;
    this.dropped += this.#waiting.splice(0).length;
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting.splice(0);
      const text = `${lines.join("\n")}\n`;
      try {
        await writeTo(this.#sink, text);
        this.#size -= text.length;
        this.#report();
      } catch {
        // A closed standard error must not end the handler. Reported after the next write that succeeds, if any does.
        this.#size -= text.length;
        this.dropped += lines.length;
      }
    }
    this.#writing = null;
  }

  #report(): void {
    const lines = this.dropped - this.#reported;
    this.#reported = this.dropped;
    if (lines > 0) this.#options.dropped?.(lines);
  }
}

const encoder = new TextEncoder();

/**
 * Writes all of a text.
 *
 * @throws What `sink.write` throws.
 */
export async function writeTo(sink: Sink, text: string): Promise<void> {
  for (let bytes = encoder.encode(text); bytes.length > 0;) bytes = bytes.subarray(await sink.write(bytes));
}

/** Waits for `done`, at most `ms` milliseconds. */
export async function within(done: Promise<void>, ms: number, clock: Clock = systemClock): Promise<void> {
  const late = Promise.withResolvers<void>();
  const cancel = clock.after(ms, late.resolve);
  await Promise.race([done, late.promise]);
  cancel();
}
