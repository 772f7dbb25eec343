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
  /**
   * Runs `action` once, as {@linkcode Clock.after} does, when what is about to come from this machine has had a moment
   * to come: 2 ms. In tests that is a moment of theirs, and no time passes.
   */
  soon(action: () => void): () => void;
}

/** What a moment is, in milliseconds: programs on this machine answer within it, and no way to another takes less. */
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
};
