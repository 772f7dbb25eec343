import { type Associate, cookieKey, RefusedReason } from "../wire/associate.ts";

/** A connection of the server handler's that is in no association yet. */
export interface Candidate {
  /** The cookie that its greeting carried. */
  readonly cookie: Uint8Array;
  /** The host address of the server handler at which it arrived: the path that it took. */
  readonly localHost: string;
  /** Called at most once: the connection is refused. It is forgotten already. */
  refused(reason: RefusedReason): void;
}

/** One list, and the connections that sent exactly it so far. */
interface Claim<C> {
  readonly names: readonly string[];
  readonly senders: Set<C>;
}

/** What {@linkcode Matcher} needs to know. */
export interface MatcherOptions<C> {
  /** The numbers of the schemes that the server does. */
  readonly schemes: ReadonlySet<number>;
  /** Whether two connections of an association must have arrived at different host addresses. */
  readonly distinctAddresses: boolean;
  /** Called when all that a list names have sent it, in the list's order. They are forgotten already. */
  associated(candidates: C[], list: Associate): void;
}

/**
 * Decides which connections belong together (paper, section III-D step 4; docs/PROTOCOL.md 2.3). Pure: time and bytes are
 * its caller's.
 *
 * The connections that a list names are associated when, and only when, every one of them is alive, in no association,
 * and has itself sent exactly that list. A list fails as soon as that can't come true any more, and its failure hurts
 * only those that sent it: who names somebody else's cookie breaks nothing for the connection that owns it.
 *
 * Each connection holds at most one list of at most 16 cookies, so memory is bounded by the number of connections.
 */
export class Matcher<C extends Candidate> {
  readonly #options: MatcherOptions<C>;
  readonly #alive = new Map<string, C>();
  /** What each connection sent, as the key of its claim. */
  readonly #sent = new Map<C, string>();
  readonly #claims = new Map<string, Claim<C>>();
  /** The keys of the claims that name a cookie. */
  readonly #naming = new Map<string, Set<string>>();

  /** A matcher without connections. */
  constructor(options: MatcherOptions<C>) {
    this.#options = options;
  }

  /** How many connections are in no association yet. */
  get size(): number {
    return this.#alive.size;
  }

  /** A connection has come, and was given its cookie. */
  add(candidate: C): void {
    this.#alive.set(cookieKey(candidate.cookie), candidate);
  }

  /** A connection has gone, or broke the protocol: what names it can't come true any more. Its owner closes it. */
  remove(candidate: C): void {
    if (!this.#forget(candidate)) return;
    this.#failAllNaming(candidate, RefusedReason.Mismatch);
  }

  /** A connection has sent its list. */
  submit(candidate: C, list: Associate): void {
    const own = cookieKey(candidate.cookie);
    if (!this.#isAlive(candidate) || this.#sent.has(candidate)) throw new TypeError("a second list of one connection");
    const { scheme, threshold, cookies } = list;
    const names = cookies.map(cookieKey);
    if (!this.#options.schemes.has(scheme) || threshold !== names.length || !names.includes(own)) {
      return this.#refuse(candidate, RefusedReason.Unacceptable);
    }
    const key = `${scheme}:${names.join()}`;
    this.#claim(key, names).senders.add(candidate);
    this.#sent.set(candidate, key);
    // What others said of this connection is now known to be wrong, unless they said the same.
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
    if (candidates.some((one) => this.#sent.has(one) && this.#sent.get(one) !== key)) {
      return this.#fail(key, RefusedReason.Mismatch);
    }
    const hosts = new Set(candidates.map((one) => one.localHost));
    if (this.#options.distinctAddresses && hosts.size < candidates.length) {
      return this.#fail(key, RefusedReason.SharedAddress);
    }
    if (claim.senders.size < candidates.length) return;
    this.#drop(key);
    for (const candidate of candidates) {
      this.#forget(candidate);
      this.#failAllNaming(candidate, RefusedReason.Mismatch);
    }
    this.#options.associated(candidates, list);
  }

  /** Fails the claims that name a connection, but for one. */
  #failAllNaming(candidate: C, reason: RefusedReason, butFor?: string): void {
    for (const key of [...this.#naming.get(cookieKey(candidate.cookie)) ?? []]) {
      if (key !== butFor) this.#fail(key, reason);
    }
  }

  /** Refuses all that sent a list; what named them can't come true any more either. */
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

  #forget(candidate: C): boolean {
    this.#sent.delete(candidate);
    return this.#isAlive(candidate) && this.#alive.delete(cookieKey(candidate.cookie));
  }

  #isAlive(candidate: C): boolean {
    return this.#alive.get(cookieKey(candidate.cookie)) === candidate;
  }
}
