import type { Clock } from "../../time/clock.ts";
import { sameWorkers, type Workers } from "../../wire/workers.ts";

/** For how long a worker is passed over that could not be reached, in milliseconds. */
const PAUSE = 60_000;

/** What is known of a worker beside the first. */
interface Known {
  /** Whether new associations may be with it: an association has come about. */
  readonly reached: boolean;
  /** Whether a session was answered there, so that it is no other server handler's. */
  readonly proven: boolean;
  /** Not to be tried before, in milliseconds of the clock. */
  readonly pause: number;
  /** Whether it was said already that it can't be reached. */
  readonly said: boolean;
}

const NOTHING: Known = { reached: false, proven: false, pause: -Infinity, said: false };

/**
 * Which of a server handler's workers the next association is to be with (docs/PROTOCOL.md 4.5): the first one until the
 * server handler has told of others, and then all in turn that have been reached. A firewall or address translation that
 * lets only the first one's ports through is no error.
 */
export class WorkerBalancer {
  readonly #clock: Clock;
  readonly #most: number;
  #workers: Workers | null = null;
  /** By number, from 1. */
  #known = new Map<number, Known>();
  #turn = Math.floor(Math.random() * 0x10000);

  /**
   * Knows of the first worker alone.
   *
   * @param ports How many ports there are above the highest of the channels.
   */
  constructor(clock: Clock, ports: number) {
    this.#clock = clock;
    this.#most = ports;
  }

  /** What the server handler has told last. */
  get workers(): Workers | null {
    return this.#workers;
  }

  /** The number of the worker whose turn it is. */
  next(): number {
    const numbers = [0, ...this.#known.keys().filter((worker) => this.#of(worker).reached)];
    return numbers[this.#turn++ % numbers.length]!;
  }

  /** A session was answered. @param workers What was told with it. @param worker Where. */
  told(workers: Workers | null, worker: number): void {
    const same = workers === null || this.#workers === null
      ? workers === this.#workers
      : sameWorkers(workers, this.#workers);
    // Started anew, perhaps with more of them, or fewer.
    if (!same) this.#known.clear();
    this.#workers = workers;
    if (worker > 0 && workers !== null) this.#note(worker, { reached: true, proven: true, said: false });
  }

  /** Those that are to be tried now; each is named once, until {@linkcode WorkerBalancer.failed} and a pause. */
  untried(): number[] {
    const last = Math.min((this.#workers?.count ?? 1) - 1, this.#most);
    const due = Array.from({ length: Math.max(0, last) }, (_, at) => at + 1)
      .filter((worker) => !this.#of(worker).reached && this.#of(worker).pause <= this.#clock.now());
    for (const worker of due) this.#note(worker, { pause: Infinity });
    return due;
  }

  /** An association with a worker has come about. */
  reached(worker: number): void {
    this.#note(worker, { reached: true, said: false });
  }

  /** A worker could not be reached. @returns Whether that is news. */
  failed(worker: number): boolean {
    const { said } = this.#of(worker);
    this.#note(worker, { reached: false, proven: false, pause: this.#clock.now() + PAUSE, said: true });
    return !said;
  }

  /** Whether what is said to a worker can't come to another server handler. */
  isProven(worker: number): boolean {
    return worker === 0 || this.#of(worker).proven;
  }

  #of(worker: number): Known {
    return this.#known.get(worker) ?? NOTHING;
  }

  #note(worker: number, news: Partial<Known>): void {
    this.#known.set(worker, { ...this.#of(worker), ...news });
  }
}
