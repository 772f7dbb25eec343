import { lookup } from "node:dns";
import { MicssError, reasonOf } from "../../errors/errors.ts";
import type { Clock } from "../../time/clock.ts";
import { deadline } from "../../time/deadline.ts";
import { canonicalHost } from "../ip.ts";
import { HostsFile } from "./hosts_file.ts";
import type { Resolve } from "./resolve.ts";

/** A name could not be resolved. */
export class LookupError extends MicssError {}

/** The system's resolver, `getaddrinfo`: its hosts file, search domains, name servers and order (`verbatim`). */
export const systemResolve: Resolve = (name): Promise<readonly string[]> =>
  new Promise((resolve, reject) => {
    lookup(name, { all: true, verbatim: true }, (error, addresses) => {
      if (error === null) return resolve(addresses.map(({ address }) => address));
      const isUnknown = /ENOTFOUND/.test(String(error.code ?? error.message));
      reject(new LookupError(isUnknown ? "the name is not known" : error.message, { cause: error }));
    });
  });

/**
 * Maximum number of concurrent look-ups, in total and per source. Each occupies one of Deno's 32 threads for blocking
 * calls until the system gives up, and can't be cancelled; names in the configuration get as many threads of their own.
 */
export const MAX_UNDER_WAY = 12, MAX_PER_SOURCE = 4;

/** Maximum number of addresses used per name. */
const MAX_ADDRESSES = 16;

/** Options of {@linkcode Lookups}. */
export interface LookupsOptions {
  /** Measures time limits. */
  readonly clock: Clock;
  /** Resolves names. Default: the system's resolver. */
  readonly resolve?: Resolve;
  /** Maximum number of concurrent look-ups per source. Default: {@linkcode MAX_PER_SOURCE}. */
  readonly perSource?: number;
}

/** Options of {@linkcode Lookups.addresses}. */
export interface LookupOptions {
  /** Time limit, including the time in the queue, in milliseconds. */
  readonly timeout: number;
  /** User or address on whose behalf the name is resolved, for fairness. Default: one shared source. */
  readonly source?: string;
  /** Cancels, with its reason. */
  readonly signal?: AbortSignal;
}

/** A queued look-up. */
interface Queued {
  readonly name: string;
  readonly resolve: (answer: Promise<readonly string[]>) => void;
}

/** The look-ups of one source. */
interface Source {
  underWay: number;
  readonly queue: Set<Queued>;
}

/**
 * Resolves names such that those without an answering name server delay others as little as possible: concurrency is
 * bounded, sources take turns, requests for the same name share a look-up, and names of the hosts file bypass all limits.
 */
export class Lookups {
  readonly #options: LookupsOptions;
  readonly #resolve: Resolve;
  /** Undefined for any resolver other than the system's. */
  readonly #hosts: HostsFile | undefined;
  readonly #underWay = new Map<string, Promise<readonly string[]>>();
  /** Sources with look-ups queued or under way, the one served last at the end. */
  readonly #sources = new Map<string, Source>();
  #count = 0;

  /** Starts without look-ups. */
  constructor(options: LookupsOptions) {
    this.#options = options;
    this.#resolve = options.resolve ?? systemResolve;
    this.#hosts = options.resolve === undefined ? new HostsFile() : undefined;
  }

  /**
   * Resolves a name to distinct addresses in canonical spelling, best first; 1 to {@linkcode MAX_ADDRESSES}.
   *
   * @throws {LookupError} With the name and the reason, also after the time limit; the signal's reason.
   */
  async addresses(name: string, { timeout, source = "", signal }: LookupOptions): Promise<readonly string[]> {
    const reason = () => new LookupError(`no answer within ${timeout / 1000} s`);
    using limit = deadline(this.#options.clock, timeout, { reason, signal });
    const answer = Promise.withResolvers<readonly string[]>();
    const queued: Queued = { name, resolve: answer.resolve };
    try {
      limit.signal.throwIfAborted();
      this.#enqueue(source, queued);
      const found = await limit.race(answer.promise);
      if (found.length === 0) throw new LookupError("the name has no address");
      return [...new Set(found.map(canonicalHost))].slice(0, MAX_ADDRESSES);
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      throw new LookupError(`${name}: ${reasonOf(cause)}`, { cause });
    } finally {
      this.#sources.get(source)?.queue.delete(queued);
      this.#removeIfIdle(source);
    }
  }

  #enqueue(sourceName: string, queued: Queued): void {
    const known = this.#hosts?.find(queued.name);
    if (known !== undefined) return queued.resolve(this.#resolve(known));
    const shared = this.#underWay.get(queued.name);
    if (shared !== undefined) return queued.resolve(shared);
    const source = this.#sources.get(sourceName) ?? { underWay: 0, queue: new Set() };
    this.#sources.set(sourceName, source);
    source.queue.add(queued);
    this.#startNext();
  }

  /** Starts as many look-ups as the limits allow: of the source with the fewest under way, and in turn among equals. */
  #startNext(): void {
    const { perSource = MAX_PER_SOURCE } = this.#options;
    while (this.#count < MAX_UNDER_WAY) {
      const ready = [...this.#sources].filter(([, { underWay, queue }]) => queue.size > 0 && underWay < perSource);
      const [first, ...others] = ready;
      if (first === undefined) return;
      const [name, source] = others.reduce((best, one) => one[1].underWay < best[1].underWay ? one : best, first);
      this.#sources.delete(name);
      this.#sources.set(name, source);
      const [queued] = source.queue;
      source.queue.delete(queued!);
      queued!.resolve(this.#underWay.get(queued!.name) ?? this.#start(name, source, queued!.name));
    }
  }

  #start(sourceName: string, source: Source, name: string): Promise<readonly string[]> {
    this.#count++;
    source.underWay++;
    const answer = this.#resolve(name).finally(() => {
      this.#count--;
      source.underWay--;
      this.#underWay.delete(name);
      this.#removeIfIdle(sourceName);
      this.#startNext();
    });
    this.#underWay.set(name, answer);
    // Unhandled if all callers have given up by then.
    answer.catch(() => {});
    return answer;
  }

  #removeIfIdle(name: string): void {
    const source = this.#sources.get(name);
    if (source?.underWay === 0 && source.queue.size === 0) this.#sources.delete(name);
  }
}
