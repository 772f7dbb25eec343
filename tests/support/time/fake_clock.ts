import { setImmediate } from "node:timers";
import type { Clock } from "../../../src/time/clock.ts";

interface Timer {
  readonly due: number;
  readonly action: () => void;
}

/** A clock that stands still until a test advances it. */
export class FakeClock implements Clock {
  #now = 0;
  /** In the order of their creation, which breaks ties. */
  #timers = new Set<Timer>();
  readonly #settle: () => Promise<void>;

  /** @param settled Runs all pending microtasks. Default: {@linkcode settle}. */
  constructor(settled: () => Promise<void> = settle) {
    this.#settle = settled;
  }

  /** Number of timers neither run nor cancelled. */
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
   * Advances the time by `ms` milliseconds. Runs due timers in order, each at its own time, including those set meanwhile.
   * All microtasks settle before the first timer, after each, and at the end.
   *
   * @throws The error of a timer; the clock then stands at that timer's time.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.#settle();
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.due);
      timer.action();
      await this.#settle();
    }
    this.#now = end;
  }

  /** Lets time pass in which nothing runs, as on a host that is busy elsewhere: timers that are due run later, late. */
  pause(ms: number): void {
    this.#now += ms;
  }

  /** Advances the time until a promise settles. @param step Milliseconds per step. */
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
 * Runs everything that depends only on promises and {@linkcode FakeClock.soon}: a task follows all microtasks, and a
 * session begins with two that are soon, an OPEN and its RESULT.
 */
export async function settle(): Promise<void> {
  for (let task = 0; task < 3; task++) await new Promise<void>((resolve) => void setImmediate(resolve));
}
