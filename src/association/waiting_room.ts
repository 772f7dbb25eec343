import { isIpv6 } from "../net/address.ts";

/** How many connections may wait for their association at once. */
export interface WaitingLimits {
  /** In all. */
  readonly total: number;
  /** From one source: an IPv4 address, or the first 64 bits of an IPv6 address. */
  readonly perSource: number;
}

/** Somebody who waits. */
export interface Waiting {
  /** The host address it came from. */
  readonly remoteHost: string;
}

/**
 * The connections that are in no association yet, as many as the limits allow.
 *
 * Who comes when there is no room is let in, and the one that has waited longest goes: of its own source when that has
 * its share, else of the source that has most. A handshake takes a few round trips, so an honest client is through before
 * it is the oldest, however many strangers open connections and say nothing.
 */
export class WaitingRoom<W extends Waiting> {
  readonly #limits: WaitingLimits;
  /** In the order of arrival, of each source. */
  readonly #bySource = new Map<string, Set<W>>();
  #size = 0;

  /** An empty room. */
  constructor(limits: WaitingLimits) {
    this.#limits = limits;
  }

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /**
   * Lets one in.
   *
   * @returns Who has to go for it, still in the room: the caller ends and removes it.
   */
  add(one: W): W | null {
    const source = sourceOf(one.remoteHost);
    const peers = this.#bySource.get(source) ?? new Set();
    const crowd = peers.size >= this.#limits.perSource
      ? peers
      : this.#size >= this.#limits.total
      ? this.#largest()
      : null;
    const [oldest = null] = crowd ?? [];
    this.#bySource.set(source, peers.add(one));
    this.#size++;
    return oldest;
  }

  /** One has left. */
  remove(one: W): void {
    const source = sourceOf(one.remoteHost);
    const peers = this.#bySource.get(source);
    if (peers === undefined || !peers.delete(one)) return;
    this.#size--;
    if (peers.size === 0) this.#bySource.delete(source);
  }

  /** All who wait; nobody may come or leave meanwhile, unless a copy is walked. */
  *[Symbol.iterator](): Generator<W> {
    for (const peers of this.#bySource.values()) yield* peers;
  }

  #largest(): Set<W> {
    let largest = new Set<W>();
    for (const peers of this.#bySource.values()) if (peers.size > largest.size) largest = peers;
    return largest;
  }
}

/** A host address, or the network of 64 bits that an IPv6 address is in: whoever has one address there has all. */
export function sourceOf(host: string): string {
  if (!isIpv6(host)) return host;
  const [before = "", after] = host.replace(/%.*$/, "").split("::");
  const left = before === "" ? [] : before.split(":");
  const right = after === undefined || after === "" ? [] : after.split(":");
  const zeros = after === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array<string>(Math.max(0, zeros)).fill("0"), ...right];
  return groups.slice(0, 4).map((group) => parseInt(group, 16).toString(16)).join(":");
}
