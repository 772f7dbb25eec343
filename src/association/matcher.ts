import { type Associate, cookieKey, INTERPOLATION, isAbsent, RefusedReason } from "../wire/associate.ts";

/** A connection of the server handler without an association. */
export interface Candidate {
  /** The cookie in its greeting. */
  readonly cookie: Uint8Array;
  /** The server handler's host address at which it arrived: identifies its path. */
  readonly localHost: string;
  /** Called at most once, after the matcher has removed the connection. */
  refused(reason: RefusedReason): void;
}

/** A list, and the connections that have sent exactly this list so far. */
interface Claim<C> {
  readonly names: readonly string[];
  readonly senders: Set<C>;
}

/** Options of {@linkcode Matcher}. */
export interface MatcherOptions<C> {
  /** Returns true if a list's scheme and threshold are those of this server handler. */
  readonly accepts: (list: Associate) => boolean;
  /** Returns whether the connections of an association must have arrived at different host addresses; asked each time. */
  readonly distinctAddresses: () => boolean;
  /**
   * Called when all connections in a list have sent it, after the matcher has removed them.
   *
   * @param candidates In the list's order; null for a channel that joins later.
   */
  associated(candidates: (C | null)[], list: Associate): void;
}

/**
 * Decides which connections belong together (paper, section III-D step 4; docs/PROTOCOL.md 2.3). Pure: reads no clock and
 * no socket.
 *
 * The connections in a list are associated if and only if every one of them is alive, without an association, and has
 * itself sent exactly that list. A list fails as soon as this has become impossible. Its failure affects only its senders:
 * a client that names another client's cookie does no harm to the connection with that cookie.
 *
 * Each connection holds at most one list of at most 16 cookies, so memory is bounded by the number of connections.
 */
export class Matcher<C extends Candidate> {
  readonly #options: MatcherOptions<C>;
  readonly #alive = new Map<string, C>();
  /** The key of the claim that each connection sent. */
  readonly #sent = new Map<C, string>();
  readonly #claims = new Map<string, Claim<C>>();
  /** The keys of the claims that name each cookie. */
  readonly #naming = new Map<string, Set<string>>();

  /** Creates a matcher without connections. */
  constructor(options: MatcherOptions<C>) {
    this.#options = options;
  }

  /** Number of connections without an association. */
  get size(): number {
    return this.#alive.size;
  }

  /** Adds a connection whose cookie has been chosen. */
  add(candidate: C): void {
    this.#alive.set(cookieKey(candidate.cookie), candidate);
  }

  /** Removes a connection that has ended or violated the protocol, and fails the lists that name it. Its owner closes it. */
  remove(candidate: C): void {
    if (!this.#removeCandidate(candidate)) return;
    this.#failAllNaming(candidate, RefusedReason.Mismatch);
  }

  /** Submits the list that a connection has sent. @throws {TypeError} If it has sent one before. */
  submit(candidate: C, list: Associate): void {
    const own = cookieKey(candidate.cookie);
    if (!this.#isAlive(candidate) || this.#sent.has(candidate)) {
      throw new TypeError("a second list from one connection");
    }
    const { scheme, threshold, cookies } = list;
    const present = cookies.filter((cookie) => scheme !== INTERPOLATION || !isAbsent(cookie));
    const names = present.map(cookieKey);
    if (!this.#options.accepts(list) || names.length < threshold || !names.includes(own)) {
      return this.#refuse(candidate, RefusedReason.Unacceptable);
    }
    const key = `${scheme}:${threshold}:${cookies.map(cookieKey).join()}`;
    this.#claim(key, names).senders.add(candidate);
    this.#sent.set(candidate, key);
    // Other lists that name this connection can't be completed any more.
    this.#failAllNaming(candidate, RefusedReason.Mismatch, key);
    this.#decide(key, list);
  }

  #claim(key: string, names: readonly string[]): Claim<C> {
    let claim = this.#claims.get(key);
    if (claim === undefined) {
      claim = { names, senders: new Set() };
      this.#claims.set(key, claim);
      for (const name of names) {
        const keys = this.#naming.get(name) ?? new Set();
        this.#naming.set(name, keys.add(key));
      }
    }
    return claim;
  }

  #decide(key: string, list: Associate): void {
    const claim = this.#claims.get(key);
    if (claim === undefined) return;
    const named = claim.names.map((name) => this.#alive.get(name));
    if (named.includes(undefined)) return this.#fail(key, RefusedReason.UnknownCookie);
    const candidates = named as C[];
    if (candidates.some((candidate) => this.#sent.has(candidate) && this.#sent.get(candidate) !== key)) {
      return this.#fail(key, RefusedReason.Mismatch);
    }
    const hosts = new Set(candidates.map(({ localHost }) => localHost));
    if (this.#options.distinctAddresses() && hosts.size < candidates.length) {
      return this.#fail(key, RefusedReason.SharedAddress);
    }
    if (claim.senders.size < candidates.length) return;
    this.#drop(key);
    for (const candidate of candidates) {
      this.#removeCandidate(candidate);
      this.#failAllNaming(candidate, RefusedReason.Mismatch);
    }
    const byName = new Map(claim.names.map((name, at) => [name, candidates[at]!]));
    this.#options.associated(list.cookies.map((cookie) => byName.get(cookieKey(cookie)) ?? null), list);
  }

  #failAllNaming(candidate: C, reason: RefusedReason, except?: string): void {
    for (const key of [...this.#naming.get(cookieKey(candidate.cookie)) ?? []]) {
      if (key !== except) this.#fail(key, reason);
    }
  }

  /** Refuses every sender of a list, which fails the lists that name them too. */
  #fail(key: string, reason: RefusedReason): void {
    for (const sender of this.#drop(key)?.senders ?? []) {
      if (this.#isAlive(sender)) this.#refuse(sender, reason);
    }
  }

  #refuse(candidate: C, reason: RefusedReason): void {
    this.remove(candidate);
    candidate.refused(reason);
  }

  #drop(key: string): Claim<C> | undefined {
    const claim = this.#claims.get(key);
    this.#claims.delete(key);
    for (const name of claim?.names ?? []) {
      const keys = this.#naming.get(name);
      keys?.delete(key);
      if (keys?.size === 0) this.#naming.delete(name);
    }
    return claim;
  }

  #removeCandidate(candidate: C): boolean {
    this.#sent.delete(candidate);
    return this.#isAlive(candidate) && this.#alive.delete(cookieKey(candidate.cookie));
  }

  #isAlive(candidate: C): boolean {
    return this.#alive.get(cookieKey(candidate.cookie)) === candidate;
  }
}
