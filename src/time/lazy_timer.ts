import type { Clock } from "./clock.ts";

/**
 * A timer that is started and stopped thousands of times for each time that it runs out: neither sets or clears one of the
 * system's, which takes ten microseconds. That one runs on instead, and is set again when it has fired too early.
 */
export class LazyTimer {
  readonly #clock: Clock;
  readonly #action: () => void;
  /** Time of the clock at which to act; null while stopped. */
  #due: number | null = null;
  /** The system's timer, if one is set. */
  #set: { readonly at: number; readonly cancel: () => void } | null = null;

  /** Creates a stopped timer. @param action Called once for each start that is not stopped in time. */
  constructor(clock: Clock, action: () => void) {
    this.#clock = clock;
    this.#action = action;
  }

  /** Starts the timer, or starts it again. @param ms Milliseconds from now. */
  start(ms: number): void {
    this.#due = this.#clock.now() + ms;
    if (this.#set !== null && this.#set.at <= this.#due) return;
    this.#set?.cancel();
    this.#setFor(ms);
  }

  /** Stops the timer. */
  stop(): void {
    this.#due = null;
  }

  /** Stops the timer for good, and the system's. */
  close(): void {
    this.#due = null;
    this.#set?.cancel();
    this.#set = null;
  }

  #setFor(ms: number): void {
    const cancel = this.#clock.after(ms, () => {
      this.#set = null;
      if (this.#due === null) return;
      const left = this.#due - this.#clock.now();
      if (left > 0) return this.#setFor(left);
      this.#due = null;
      this.#action();
    });
    this.#set = { at: this.#clock.now() + ms, cancel };
  }
}
