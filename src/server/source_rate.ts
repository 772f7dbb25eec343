import { sourceNetwork } from "../association/admission_queue.ts";
import type { Clock } from "../time/clock.ts";

/** How many seconds' worth of connections a source that was quiet may make at once. */
const BURST = 10;

/** How many sources are remembered; who is forgotten begins anew. */
const MAX_SOURCES = 16_384;

/** What a source may still do. */
interface Bucket {
  /** Connections, and parts of one. */
  readonly left: number;
  /** When that was so. */
  readonly at: number;
}

/** How many connections each source makes: a token bucket for an IPv4 address, or the first 64 bits of an IPv6 address. */
export class SourceRate {
  readonly #clock: Clock;
  readonly #limits: { readonly acceptRate: number };
  /** Who came last is last. */
  readonly #buckets = new Map<string, Bucket>();

  /**
   * Nobody has come yet.
   *
   * @param limits Connections in a second, 0 for any number; looked at for each connection.
   */
  constructor(clock: Clock, limits: { readonly acceptRate: number }) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Counts a connection from a host address. @returns Whether it is not one too many. */
  admits(host: string): boolean {
    const { acceptRate } = this.#limits;
    if (acceptRate === 0) return true;
    const source = sourceNetwork(host);
    const now = this.#clock.now();
    const before = this.#buckets.get(source) ?? { left: Infinity, at: now };
    const left = Math.min(BURST * acceptRate, before.left + (now - before.at) / 1000 * acceptRate);
    const admitted = left >= 1;
    this.#buckets.delete(source);
    this.#buckets.set(source, { left: admitted ? left - 1 : left, at: now });
    if (this.#buckets.size > MAX_SOURCES) this.#buckets.delete(this.#buckets.keys().next().value!);
    return admitted;
  }
}
