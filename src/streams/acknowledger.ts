import type { Clock } from "../time/clock.ts";
import { FrameType } from "../wire/frame.ts";

/** Bytes joined after which ACK is sent: a quarter of what the other side keeps. */
const ACK_BYTES = 1024 * 1024;

/** Time in milliseconds after which something that was joined is acknowledged. */
const ACK_TIME = 200;

/** Options of {@linkcode Acknowledger}. */
export interface AcknowledgerOptions {
  /** Measures the time. */
  readonly clock: Clock;
  /** Returns the number of bytes of each channel joined so far. */
  readonly joined: () => number;
  /** Sends ACK. */
  readonly send: (joined: number) => void;
}

/**
 * Decides when ACK is sent, so that the other side need not keep what has arrived (docs/PROTOCOL.md 9.1). An ACK by itself is
 * never answered by another one, nor is padding, or two idle sides would acknowledge each other forever.
 */
export class Acknowledger {
  readonly #options: AcknowledgerOptions;
  #running = false;
  #sent = 0;
  #cancel: (() => void) | null = null;

  /** Sends nothing until {@linkcode Acknowledger.start}. */
  constructor(options: AcknowledgerOptions) {
    this.#options = options;
  }

  /** True once it has been started. */
  get running(): boolean {
    return this.#running;
  }

  /** Begins, with an ACK for what has been joined so far. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#send();
  }

  /** Notes a frame that has arrived. */
  received(type: FrameType): void {
    if (!this.#running) return;
    if (this.#options.joined() - this.#sent >= ACK_BYTES) this.#send();
    else if (type !== FrameType.Ack && type !== FrameType.Pad) {
      this.#cancel ??= this.#options.clock.after(ACK_TIME, () => this.#send());
    }
  }

  /** Acknowledges now what has been joined. */
  flush(): void {
    if (this.#running) this.#send();
  }

  /** Ends. */
  stop(): void {
    this.#running = false;
    this.#cancel?.();
    this.#cancel = null;
  }

  #send(): void {
    this.#cancel?.();
    this.#cancel = null;
    const joined = this.#options.joined();
    if (joined === this.#sent) return;
    this.#sent = joined;
    this.#options.send(joined);
  }
}
