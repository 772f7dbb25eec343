import type { OwnConnections } from "../net/own_connections.ts";
import type { Clock } from "../time/clock.ts";
import { deadline } from "../time/deadline.ts";

/** Time limit of a probe, which stays on this machine, in milliseconds. */
const PROBE_TIMEOUT = 2000;

/** Interval of checks whether a probe arrived at another worker, in milliseconds. */
const POLL_INTERVAL = 10;

/** Awaits the handler's own probes, which rules bring back to it, or to another of its workers. */
export class ProbeArrivals {
  readonly #clock: Clock;
  readonly #shared: OwnConnections | undefined;
  readonly #kind: string;
  /** Notifies the probe from each local port of its arrival. */
  readonly #awaited = new Map<number, () => void>();
  readonly #arrived = new Set<number>();
  #probes = 0;

  /**
   * Starts without probes.
   *
   * @param kind Name of the probes' kind, whose ports are apart from those of others.
   * @param shared Arrivals at all workers, if there are several: a probe may arrive at any.
   */
  constructor(kind: string, clock: Clock, shared?: OwnConnections) {
    this.#kind = kind;
    this.#clock = clock;
    this.#shared = shared;
  }

  /** Notes that a probe arrived here. @param port Its source port, or a number that stands for it. */
  note(port: number): void {
    if (this.#probes > 0) this.#arrived.add(port);
    this.#shared?.made(this.#key(port));
    this.#awaited.get(port)?.();
  }

  /** Runs a probe, which fails at the time limit. */
  async probe<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T | false> {
    using limit = deadline(this.#clock, PROBE_TIMEOUT, { reason: () => new Error("no arrival in time") });
    this.#probes++;
    try {
      return await run(limit.signal);
    } catch {
      return false;
    } finally {
      limit.abort(new Error("the probe has ended"));
      if (--this.#probes === 0) this.#arrived.clear();
    }
  }

  /** Waits for a probe's arrival here or at another worker. @returns False at the time limit. */
  async arrives(port: number, signal: AbortSignal): Promise<boolean> {
    const over = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => over.resolve());
    this.#awaited.set(port, over.resolve);
    try {
      const hasArrived = () => this.#arrived.has(port) || (this.#shared?.has(this.#key(port)) ?? false);
      if (!hasArrived()) await Promise.race([over.promise, this.#arrivesElsewhere(hasArrived, signal)]);
      return hasArrived();
    } finally {
      this.#awaited.delete(port);
    }
  }

  /** Waits for an arrival at another worker or the signal; forever with a single worker. */
  async #arrivesElsewhere(hasArrived: () => boolean, signal: AbortSignal): Promise<void> {
    if (this.#shared === undefined) return await new Promise(() => {});
    while (!hasArrived() && !signal.aborted) {
      await this.#clock.sleep(POLL_INTERVAL);
    }
  }

  /** Key of a probe's arrival among the workers' shared connections. */
  #key(port: number): string {
    return `${this.#kind} from ${port}`;
  }
}
