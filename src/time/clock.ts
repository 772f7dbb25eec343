/** Time as the handlers see it. Tests move it by hand. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /**
   * Runs `action` once, `ms` milliseconds from now. A pending action does not keep the process alive.
   *
   * @returns Cancels the action; harmless after it ran.
   */
  after(ms: number, action: () => void): () => void;
  /**
   * Runs `action` once, 2 ms from now: long enough for a program on this machine to answer. In tests it runs as soon as
   * everything else has settled, and no time passes.
   *
   * @returns Cancels the action; harmless after it ran.
   */
  soon(action: () => void): () => void;
  /** Resolves `ms` milliseconds from now. */
  sleep(ms: number): Promise<void>;
}

/** Programs on this machine answer within these milliseconds; a round trip to another one takes no less. */
const MOMENT = 2;

/** The system's monotonic clock and timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, action) {
    const timer = setTimeout(action, ms);
    Deno.unrefTimer(timer);
    return () => clearTimeout(timer);
  },
  soon: (action) => systemClock.after(MOMENT, action),
  sleep: (ms) => new Promise((resolve) => systemClock.after(ms, resolve)),
};
