import { sourceNetwork } from "../net/ip.ts";
import type { Clock } from "../time/clock.ts";

/** Burst that a quiet source may make, in seconds' worth of connections. */
const BURST = 10;

/** Number of sources to remember; a forgotten source starts with a full bucket. */
const MAX_SOURCES = 16_384;

interface Bucket {
  /** Connections left, fractions included. */
  readonly left: number;
  /** Time of the last update. */
  readonly at: number;
}

/** Limits each source's connection rate: a token bucket per IPv4 address, or per first 64 bits of an IPv6 address. */
export class SourceRate {
  readonly #clock: Clock;
  readonly #perSecond: () => number;
  /** In order of the last connection. */
  readonly #buckets = new Map<string, Bucket>();

  /**
   * Starts with a full bucket for every source.
   *
   * @param perSecond Returns the current limit in connections per second, 0 for unlimited; called for each connection.
   */
  constructor(clock: Clock, perSecond: () => number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
  }

  /** Counts a connection from a host address. @returns False if it exceeds the limit. */
  admits(host: string): boolean {
    const rate = this.#perSecond();
    if (rate === 0) return true;
    const source = sourceNetwork(host);
    const now = this.#clock.now();
    const before = this.#buckets.get(source) ?? { left: Infinity, at: now };
    const left = Math.min(BURST * rate, before.left + (now - before.at) / 1000 * rate);
    const admitted = left >= 1;
    this.#buckets.delete(source);
    this.#buckets.set(source, { left: admitted ? left - 1 : left, at: now });
    if (this.#buckets.size > MAX_SOURCES) this.#buckets.delete(this.#buckets.keys().next().value!);
    return admitted;
  }
}
