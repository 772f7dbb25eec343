import type { Clock } from "../time/clock.ts";

/** Time between beats, in milliseconds, as in OpenSSH's ObscureKeystrokeTiming. */
export const BEAT = 20;

/** Time for which the beat goes on behind the last bytes, in milliseconds; as long again at random. */
export const LINGER = 1000;

/**
 * A steady beat for small writes: while it runs, they leave at its ticks only, and a tick without any gets a write of padding.
 * It begins with the first small write and goes on for one to two seconds behind the last, so that an observer sees that
 * someone types, but not when which key was hit, nor how many. Keeps a timer only while it runs.
 */
export class Beat {
  readonly #clock: Clock;
  readonly #tick: () => void;
  #cancel: (() => void) | null = null;
  #until = 0;
  #stopped = false;

  /** Creates a beat that does not run. @param tick Called at each beat. */
  constructor(clock: Clock, tick: () => void) {
    this.#clock = clock;
    this.#tick = tick;
  }

  /** True while it runs. */
  get running(): boolean {
    return this.#cancel !== null;
  }

  /** Begins, or goes on for longer. */
  renew(): void {
    if (this.#stopped) return;
    const [random] = crypto.getRandomValues(new Uint16Array(1));
    this.#until = this.#clock.now() + LINGER + LINGER * random! / 65_536;
    this.#cancel ??= this.#next();
  }

  /** Ends for good. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancel = null;
  }

  #next(): () => void {
    return this.#clock.after(BEAT, () => {
      this.#cancel = this.#clock.now() < this.#until ? this.#next() : null;
      this.#tick();
    });
  }
}
