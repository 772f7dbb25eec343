import { List, type Place } from "../collections/list.ts";
import { SlotMap } from "../collections/slot_map.ts";
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
  /** Its place in a queue, which sets it; null or absent outside of one. */
  place?: WaitingPlace | null;
}

/** A waiter's place in an {@linkcode AdmissionQueue}. */
export interface WaitingPlace {
  /** The waiters of its source. */
  readonly peers: Peers;
  /** Its place among them. */
  readonly inPeers: Place<Waiting>;
  /** Its place among all. */
  readonly inAll: Place<Waiting>;
}

/** The waiters of a source. */
interface Peers<W extends Waiting = Waiting> {
  readonly source: string;
  readonly waiters: List<W>;
  /** Its place among the crowds; null outside of them. */
  crowd: Place<Peers<W>> | null;
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
  readonly #all = new List<W>();
  readonly #bySource = new SlotMap<string, Peers<W>>();
  /** Sources with more waiters than one association needs. */
  readonly #crowds = new List<Peers<W>>();

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
   * Admits a waiter; without effect if it is in the queue.
   *
   * @returns The waiter to evict, still in the queue: the caller ends and removes it. Null if there is room.
   */
  add(waiter: W): W | null {
    if (waiter.place) return null;
    const { total, perSource, association = 1 } = this.#limits();
    const source = sourceNetwork(waiter.remoteHost);
    const known = this.#bySource.get(source), peers = known ?? { source, waiters: new List<W>(), crowd: null };
    if (known === undefined) this.#bySource.set(source, peers);
    const crowd = peers.waiters.size >= perSource ? peers.waiters : this.size >= total ? this.#largest() : null;
    const oldest = crowd?.oldest ?? null;
    waiter.place = { peers: peers as Peers, inPeers: peers.waiters.add(waiter), inAll: this.#all.add(waiter) };
    if (peers.waiters.size > association) peers.crowd ??= this.#crowds.add(peers);
    return oldest;
  }

  /** The next waiter to evict; null when the queue is empty. */
  get next(): W | null {
    return this.#largest().oldest ?? null;
  }

  /** Removes a waiter; harmless if it is not in the queue. */
  remove(waiter: W): void {
    const { place } = waiter;
    if (!place) return;
    waiter.place = null;
    const peers = place.peers as Peers<W>;
    peers.waiters.remove(place.inPeers as Place<W>);
    this.#all.remove(place.inAll as Place<W>);
    if (peers.crowd !== null && peers.waiters.size <= (this.#limits().association ?? 1)) {
      this.#crowds.remove(peers.crowd);
      peers.crowd = null;
    }
    if (peers.waiters.size === 0) this.#bySource.delete(peers.source);
  }

  /** Iterates over the waiters in order of arrival. Copy before adding or removing during iteration. */
  [Symbol.iterator](): IterableIterator<W> {
    return this.#all[Symbol.iterator]();
  }

  #largest(): List<W> {
    let largest: List<W> | undefined;
    for (const { waiters } of this.#crowds) if (waiters.size > (largest?.size ?? 0)) largest = waiters;
    return largest ?? this.#all;
  }
}
