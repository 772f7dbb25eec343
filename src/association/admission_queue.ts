import { sourceNetwork } from "../net/ip.ts";

/** Limits on simultaneous waiters: connections without an association, or associations without a session. */
export interface WaitingLimits {
  /** In total. */
  readonly total: number;
  /** From one source: an IPv4 address, or the first 64 bits of an IPv6 address. */
  readonly perSource: number;
  /** Number of waiters that one association needs; a source with no more than that is never a crowd. Default: 1. */
  readonly association?: number;
}

/** A connection or association that waits. */
export interface Waiting {
  /** The peer's host address. */
  readonly remoteHost: string;
}

/**
 * A bounded queue of connections without an association, or of associations without a session.
 *
 * When full, admits the newest and evicts the oldest: of the same source if that has reached its share, otherwise of the
 * source with the most waiters. If no source has more than one association needs, evicts the oldest of all. A handshake
 * takes a few round trips, so an honest client is through before it becomes the oldest, regardless of the number of
 * connections that strangers open and leave silent.
 */
export class AdmissionQueue<W extends Waiting> {
  readonly #limits: () => WaitingLimits;
  /** All waiters in order of arrival. */
  readonly #all = new Set<W>();
  readonly #bySource = new Map<string, Set<W>>();
  /** The waiters of each source that has more than one association needs. */
  readonly #crowds = new Set<Set<W>>();

  /**
   * Creates an empty queue.
   *
   * @param limits Returns the current limits; called for each arrival.
   */
  constructor(limits: () => WaitingLimits) {
    this.#limits = limits;
  }

  /** Number of waiters. */
  get size(): number {
    return this.#all.size;
  }

  /**
   * Admits a waiter.
   *
   * @returns The waiter to evict, still in the queue: the caller ends and removes it. Null if there is room.
   */
  add(waiter: W): W | null {
    const { total, perSource, association = 1 } = this.#limits();
    const source = sourceNetwork(waiter.remoteHost);
    const peers = this.#bySource.get(source) ?? new Set();
    const crowd = peers.size >= perSource ? peers : this.size >= total ? this.#largest() : null;
    const [oldest = null] = crowd ?? [];
    this.#all.add(waiter);
    this.#bySource.set(source, peers.add(waiter));
    if (peers.size > association) this.#crowds.add(peers);
    return oldest;
  }

  /** The next waiter to evict; null when the queue is empty. */
  get next(): W | null {
    const [oldest = null] = this.#largest();
    return oldest;
  }

  /** Removes a waiter; harmless if it is not in the queue. */
  remove(waiter: W): void {
    const source = sourceNetwork(waiter.remoteHost);
    const peers = this.#bySource.get(source);
    if (peers === undefined || !peers.delete(waiter)) return;
    this.#all.delete(waiter);
    if (peers.size <= (this.#limits().association ?? 1)) this.#crowds.delete(peers);
    if (peers.size === 0) this.#bySource.delete(source);
  }

  /** Iterates over the waiters in order of arrival. Copy before adding or removing during iteration. */
  [Symbol.iterator](): IterableIterator<W> {
    return this.#all.values();
  }

  #largest(): Set<W> {
    let largest: Set<W> | undefined;
    for (const crowd of this.#crowds) if (crowd.size > (largest?.size ?? 0)) largest = crowd;
    return largest ?? this.#all;
  }
}
