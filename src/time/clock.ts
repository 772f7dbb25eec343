import { TimerLists } from "./timer_lists.ts";

/** The time source of the handlers. Tests advance it by hand. */
export interface Clock {
  /** Milliseconds since an arbitrary origin; monotonic. */
  now(): number;
  /**
   * Runs `action` once, after `ms` milliseconds. A pending action does not keep the process alive.
   *
   * @returns A function that cancels the action; harmless after it ran.
   */
  after(ms: number, action: () => void): () => void;
  /**
   * Runs `action` once, after 2 ms: long enough for a program on this machine to answer. In tests it runs as soon as
   * everything else has settled, and no time passes.
   *
   * @returns A function that cancels the action; harmless after it ran.
   */
  soon(action: () => void): () => void;
  /** Resolves after `ms` milliseconds. */
  sleep(ms: number): Promise<void>;
}

/** Delay of `soon`, in milliseconds: programs on this machine answer within it, and other hosts rarely do. */
const SOON = 2;

const lists = new TimerLists();

/** Shortest delay, in milliseconds, of the actions that share timers, but for `soon`; shorter ones are of many durations. */
const SHARED = 100;

/** The system's monotonic clock and timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, action) {
    if (ms >= SHARED) return lists.add(ms, action);
    const timer = setTimeout(action, ms);
    Deno.unrefTimer(timer);
    return () => clearTimeout(timer);
  },
  soon: (action) => lists.add(SOON, action),
  sleep: (ms) => new Promise((resolve) => systemClock.after(ms, resolve)),
};
