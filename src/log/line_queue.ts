import { type Clock, systemClock } from "../time/clock.ts";

/** Default limit of queued characters: some 5,000 lines. */
const MAX_QUEUED = 1 << 20;

/** Destination of lines, such as standard error. */
export interface Sink {
  /** Writes some of `bytes`, and resolves to their number. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Options of a {@linkcode LineQueue}. */
export interface LineQueueOptions {
  /** Receives the number of dropped lines once a write succeeds again. */
  readonly dropped?: (lines: number) => void;
  /** Maximum number of queued characters. Default: 1 Mi. */
  readonly limit?: number;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/**
 * Writes lines in order without ever blocking the caller: a stalled reader (a full pipe, a stopped terminal) costs lines
 * rather than sessions. Lines beyond the limit are dropped and counted. Lines that come within 2 ms of a write leave in one
 * write: it costs more than all of them.
 */
export class LineQueue {
  readonly #sink: Sink;
  readonly #options: LineQueueOptions;
  readonly #clock: Clock;
  readonly #limit: number;
  #queued: string[] = [];
  /** Characters queued or being written. */
  #size = 0;
  /** Settles when nothing is queued, and a write would not come too early. */
  #writing: Promise<void> | null = null;
  /** Ends the pause between two writes. */
  #resume: (() => void) | null = null;
  #closing = false;
  #reported = 0;
  #closed = false;
  /** Lines dropped so far. */
  dropped = 0;

  /** Starts empty. */
  constructor(sink: Sink, options: LineQueueOptions = {}) {
    this.#sink = sink;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#limit = options.limit ?? MAX_QUEUED;
  }

  /** Queues a line, given without its newline. */
  push(line: string): void {
    if (this.#closed || this.#size + line.length >= this.#limit) {
      this.dropped++;
      return;
    }
    this.#queued.push(line);
    this.#size += line.length + 1;
    this.#writing ??= this.#writeAll();
  }

  /** Waits up to `ms` milliseconds until every line is written; then drops the rest and all later lines. */
  async close(ms: number): Promise<void> {
    this.#closing = true;
    this.#resume?.();
    await within(this.#writing ?? Promise.resolve(), ms, this.#clock);
    this.#closed = true;
    this.dropped += this.#queued.splice(0).length;
  }

  async #writeAll(): Promise<void> {
    while (this.#queued.length > 0) {
      const lines = this.#queued.splice(0);
      const text = `${lines.join("\n")}\n`;
      try {
        await writeTo(this.#sink, text);
        this.#size -= text.length;
        this.#report();
      } catch {
        // A closed standard error must not end the handler. The next successful write, if any, reports the loss.
        this.#size -= text.length;
        this.dropped += lines.length;
      }
      if (!this.#closing) await this.#pause();
    }
    this.#writing = null;
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.soon(resolve);
    this.#resume = () => {
      cancel();
      resolve();
    };
    await promise;
    this.#resume = null;
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
 * @throws The error of `sink.write`.
 */
export async function writeTo(sink: Sink, text: string): Promise<void> {
  for (let bytes = encoder.encode(text); bytes.length > 0;) bytes = bytes.subarray(await sink.write(bytes));
}

/** Waits for `done`, up to `ms` milliseconds; returns silently when the time is over. */
export async function within(done: Promise<void>, ms: number, clock: Clock = systemClock): Promise<void> {
  const timeout = Promise.withResolvers<void>();
  const cancel = clock.after(ms, timeout.resolve);
  await Promise.race([done, timeout.promise]);
  cancel();
}
