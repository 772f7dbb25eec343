import { isIpv6 } from "../net/ip.ts";

/** How many may wait at once: connections for their association, or associations for a session. */
export interface WaitingLimits {
  /** In all. */
  readonly total: number;
  /** From one source: an IPv4 address, or the first 64 bits of an IPv6 address. */
  readonly perSource: number;
  /** As many as one association has: a source with no more of them is no crowd. Default: 1. */
  readonly association?: number;
}

/** Somebody who waits. */
export interface Waiting {
  /** The host address it came from. */
  readonly remoteHost: string;
}

/**
 * Connections that are in no association yet, or associations that serve no session, as many as the limits allow.
 *
 * Who comes when there is no room is let in, and the one that has waited longest goes: of its own source when that has
 * its share, else of the source that has most. Where no source has more than it needs for one association, it is the one
 * that has waited longest of all. A handshake takes a few round trips, so an honest client is through before it is the
 * oldest, however many strangers open connections and say nothing.
 */
export class AdmissionQueue<W extends Waiting> {
  readonly #limits: WaitingLimits;
  /** In the order of arrival: all, and those of each source. */
  readonly #all = new Set<W>();
  readonly #bySource = new Map<string, Set<W>>();
  /** Those of the sources that have more than they need for one association. */
  readonly #crowds = new Set<Set<W>>();

  /**
   * An empty room.
   *
   * @param limits Looked at for each who comes.
   */
  constructor(limits: WaitingLimits) {
    this.#limits = limits;
  }

  /** How many wait. */
  get size(): number {
    return this.#all.size;
  }

  /**
   * Lets one in.
   *
   * @returns Who has to go for it, still in the room: the caller ends and removes it.
   */
  add(one: W): W | null {
    const { total, perSource, association = 1 } = this.#limits;
    const source = sourceNetwork(one.remoteHost);
    const peers = this.#bySource.get(source) ?? new Set();
    const crowd = peers.size >= perSource ? peers : this.size >= total ? this.#largest() : null;
    const [oldest = null] = crowd ?? [];
    this.#all.add(one);
    this.#bySource.set(source, peers.add(one));
    if (peers.size > association) this.#crowds.add(peers);
    return oldest;
  }

  /** The one that goes when there is no room; null when none waits. */
  get next(): W | null {
    const [oldest = null] = this.#largest();
    return oldest;
  }

  /** One has left. */
  remove(one: W): void {
    const source = sourceNetwork(one.remoteHost);
    const peers = this.#bySource.get(source);
    if (peers === undefined || !peers.delete(one)) return;
    this.#all.delete(one);
    if (peers.size <= (this.#limits.association ?? 1)) this.#crowds.delete(peers);
    if (peers.size === 0) this.#bySource.delete(source);
  }

  /** All who wait, in the order of their arrival; nobody may come or leave meanwhile, unless a copy is walked. */
  [Symbol.iterator](): IterableIterator<W> {
    return this.#all.values();
  }

  #largest(): Set<W> {
    let largest: Set<W> | undefined;
    for (const crowd of this.#crowds) if (crowd.size > (largest?.size ?? 0)) largest = crowd;
    return largest ?? this.#all;
  }
}

/** A host address, or the network of 64 bits that an IPv6 address is in: whoever has one address there has all. */
export function sourceNetwork(host: string): string {
  if (!isIpv6(host)) return host;
  const [before = "", after] = host.replace(/%.*$/, "").split("::");
  const left = before === "" ? [] : before.split(":");
  const right = after === undefined || after === "" ? [] : after.split(":");
  const zeros = after === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array<string>(Math.max(0, zeros)).fill("0"), ...right];
  return groups.slice(0, 4).map((group) => parseInt(group, 16).toString(16)).join(":");
}
