import type { Clock } from "../../time/clock.ts";
import { sameWorkers, type Workers } from "../../wire/workers.ts";

/** Pause before an unreachable worker is tried again, in milliseconds. */
const PAUSE = 60_000;

/** State of a worker other than the first. */
interface WorkerState {
  /** True if an association with it was made, so that others may follow. */
  readonly reached: boolean;
  /** True if it answered a session, and thus belongs to this server handler. */
  readonly proven: boolean;
  /** Earliest next attempt, in milliseconds of the clock. */
  readonly notBefore: number;
  /** True once its unreachability was reported. */
  readonly reported: boolean;
}

const INITIAL: WorkerState = { reached: false, proven: false, notBefore: -Infinity, reported: false };

/**
 * Chooses the server worker of the next association (docs/PROTOCOL.md 5.5): the first one until the server handler announces
 * others, then every reachable one in turn. A firewall or NAT that passes only the first one's ports is not an error.
 */
export class WorkerBalancer {
  readonly #clock: Clock;
  readonly #maxWorker: number;
  /** Number of starts of the server handler that announcements have told of: each tells other workers. */
  starts = 0;
  #workers: Workers | null = null;
  /** By number, from 1. */
  #states = new Map<number, WorkerState>();
  #turn = Math.floor(Math.random() * 0x10000);

  /**
   * Starts with the first worker only.
   *
   * @param ports Number of ports above the highest channel's.
   */
  constructor(clock: Clock, ports: number) {
    this.#clock = clock;
    this.#maxWorker = ports;
  }

  /** The latest announcement. */
  get workers(): Workers | null {
    return this.#workers;
  }

  /** Number of the worker to use next. */
  next(): number {
    const numbers = [0, ...this.#states.keys().filter((worker) => this.#of(worker).reached)];
    return numbers[this.#turn++ % numbers.length]!;
  }

  /**
   * Notes the answer to a session.
   *
   * @param workers The announcement in it.
   * @param worker The worker that answered.
   * @returns False if the announcement is another one than before.
   */
  announced(workers: Workers | null, worker: number): boolean {
    const same = workers === null || this.#workers === null
      ? workers === this.#workers
      : sameWorkers(workers, this.#workers);
    // The server handler has restarted, perhaps with another number of workers.
    if (!same) {
      this.#states.clear();
      this.starts++;
    }
    this.#workers = workers;
    if (worker > 0 && workers !== null) this.#note(worker, { reached: true, proven: true, reported: false });
    return same;
  }

  /** Workers to try now. Returns each one once, and again a pause after {@linkcode WorkerBalancer.failed}. */
  untried(): number[] {
    const last = Math.min((this.#workers?.count ?? 1) - 1, this.#maxWorker);
    const due = Array.from({ length: Math.max(0, last) }, (_, at) => at + 1)
      .filter((worker) => !this.#of(worker).reached && this.#of(worker).notBefore <= this.#clock.now());
    for (const worker of due) this.#note(worker, { notBefore: Infinity });
    return due;
  }

  /** Notes that an association with a worker was made. */
  reached(worker: number): void {
    this.#note(worker, { reached: true, reported: false });
  }

  /** Notes that a worker could not be reached. @returns True if that is news. */
  failed(worker: number): boolean {
    const { reported } = this.#of(worker);
    this.#note(worker, { reached: false, proven: false, notBefore: this.#clock.now() + PAUSE, reported: true });
    return !reported;
  }

  /** True if a worker certainly belongs to this server handler. */
  isProven(worker: number): boolean {
    return worker === 0 || this.#of(worker).proven;
  }

  #of(worker: number): WorkerState {
    return this.#states.get(worker) ?? INITIAL;
  }

  #note(worker: number, change: Partial<WorkerState>): void {
    this.#states.set(worker, { ...this.#of(worker), ...change });
  }
}
