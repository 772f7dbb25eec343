import { setImmediate } from "node:timers";
import type { Clock } from "../../../src/time/clock.ts";

interface Timer {
  readonly due: number;
  readonly action: () => void;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #now = 0;
  /** In the order in which they were set, which is their order at equal times. */
  #timers = new Set<Timer>();
  readonly #settle: () => Promise<void>;

  /** @param settled Lets all microtasks run. Default: {@linkcode settle}. */
  constructor(settled: () => Promise<void> = settle) {
    this.#settle = settled;
  }

  /** The number of actions that have not run and have not been forgotten. */
  get pending(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, action: () => void): () => void {
    const timer = { due: this.#now + Math.max(0, ms), action };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  soon(action: () => void): () => void {
    const timer = { due: this.#now, action };
    this.#timers.add(timer);
    setImmediate(() => {
      if (this.#timers.delete(timer)) action();
    });
    return () => void this.#timers.delete(timer);
  }

  /**
   * Moves the time on by `ms` milliseconds, running what comes due on the way, in order and each at its own time, what
   * is set meanwhile included. All microtasks settle before the first action, after each, and at the end.
   *
   * @throws What an action throws; the clock then stands at that action's time.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.#settle();
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.#timers.delete(timer);
      this.#now = timer.due;
      timer.action();
      await this.#settle();
    }
    this.#now = end;
  }

  /** Moves the time on until a promise settles. @param step By how much at a time, in milliseconds. */
  async until<T>(promise: Promise<T>, step = 50): Promise<T> {
    let settled = false;
    const over = () => void (settled = true);
    promise.then(over, over);
    for (await this.#settle(); !settled; await this.#settle()) await this.advance(step);
    return await promise;
  }

  #next(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.due <= end && (next === undefined || timer.due < next.due)) next = timer;
    }
    return next;
  }
}

/**
 * Lets everything run that waits for nothing but promises and for {@linkcode FakeClock.soon}: a task comes only after
 * all microtasks, and a session begins with two that are soon, an OPEN and its RESULT.
 */
export async function settle(): Promise<void> {
  for (let task = 0; task < 3; task++) await new Promise<void>((resolve) => void setImmediate(resolve));
}
