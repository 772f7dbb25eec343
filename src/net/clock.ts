/** Time as the handlers see it, so that tests can move it by hand. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /**
   * Runs `action` once, `ms` milliseconds from now. A pending action does not keep the process alive.
   *
   * @returns Forgets the action; harmless after it ran.
   */
  after(ms: number, action: () => void): () => void;
}

/** The system's monotonic clock and timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, action) {
    const timer = setTimeout(action, ms);
    Deno.unrefTimer(timer);
    return () => clearTimeout(timer);
  },
};
