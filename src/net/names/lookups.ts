import { lookup } from "node:dns";
import { HostsFile } from "./hosts_file.ts";
import { canonicalHost } from "../ip.ts";
import type { Clock } from "../../time/clock.ts";
import type { Resolve } from "./resolve.ts";

/** The system's resolver, `getaddrinfo`: its hosts file, its search domains, its name servers, its order (`verbatim`). */
export const systemResolve: Resolve = (name): Promise<readonly string[]> =>
  new Promise((resolve, reject) => {
    lookup(name, { all: true, verbatim: true }, (error, addresses) => {
      if (error === null) return resolve(addresses.map(({ address }) => address));
      const known = /ENOTFOUND/.test(String(error.code ?? error.message));
      reject(new Error(known ? "the name is not known" : error.message, { cause: error }));
    });
  });

/**
 * Maximum number of look-ups under way, in all and for one source. Each holds one of the 32 threads that Deno has for
 * blocking calls until the system gives up, which nothing can hurry; the configuration's names have as many of their own.
 */
export const MAX_UNDER_WAY = 12, MAX_PER_SOURCE = 4;

/** Maximum number of a name's addresses that are used. */
const MAX_ADDRESSES = 16;

/** What {@linkcode Lookups} needs. */
export interface LookupsOptions {
  /** Measures time limits. */
  readonly clock: Clock;
  /** Resolves names. Default: the system's resolver. */
  readonly resolve?: Resolve;
  /** Maximum number for one source. Default: {@linkcode MAX_PER_SOURCE}. */
  readonly perSource?: number;
}

/** How {@linkcode Lookups.addresses} goes about it. */
export interface LookupOptions {
  /** Time limit, waiting for a turn included, in milliseconds. */
  readonly timeout: number;
  /** The user or address that asks, for fairness. Default: one for all that name none. */
  readonly source?: string;
  /** Gives up. */
  readonly signal?: AbortSignal;
}

/** A look-up that waits for its turn. */
interface Waiting {
  readonly name: string;
  readonly resolve: (answer: Promise<readonly string[]>) => void;
}

/** The look-ups of one source. */
interface Source {
  underWay: number;
  readonly waiting: Set<Waiting>;
}

/**
 * Looks names up, so that those that no name server answers for keep no other waiting for longer than they must: a
 * bounded number at once, sources in turn, one look-up for all that ask for the same name, and none of these limits for
 * names of the hosts file.
 */
export class Lookups {
  readonly #options: LookupsOptions;
  readonly #resolve: Resolve;
  /** Finds what the resolver answers for by itself; another resolver has no hosts file. */
  readonly #hosts: HostsFile | undefined;
  readonly #underWay = new Map<string, Promise<readonly string[]>>();
  /** Those with look-ups under way or waiting; the one served last at the end. */
  readonly #sources = new Map<string, Source>();
  #count = 0;

  /** Nothing is under way yet. */
  constructor(options: LookupsOptions) {
    this.#options = options;
    this.#resolve = options.resolve ?? systemResolve;
    this.#hosts = options.resolve === undefined ? new HostsFile() : undefined;
  }

  /**
   * A name's addresses, each once, in their one spelling, best first; 1 to {@linkcode MAX_ADDRESSES}.
   *
   * @throws {Error} When there are none, or not in time, with the name and the reason.
   */
  async addresses(name: string, { timeout, source = "", signal }: LookupOptions): Promise<readonly string[]> {
    const late = Promise.withResolvers<never>();
    const giveUp = () => late.reject(signal!.reason);
    const cancel = this.#options.clock.after(
      timeout,
      () => late.reject(new Error(`no answer within ${timeout / 1000} s`)),
    );
    signal?.addEventListener("abort", giveUp);
    const answer = Promise.withResolvers<readonly string[]>();
    const waiting: Waiting = { name, resolve: answer.resolve };
    try {
      signal?.throwIfAborted();
      this.#enqueue(source, waiting);
      const found = await Promise.race([answer.promise, late.promise]);
      if (found.length === 0) throw new Error("the name has no address");
      return [...new Set(found.map(canonicalHost))].slice(0, MAX_ADDRESSES);
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      throw new Error(`${name}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    } finally {
      cancel();
      signal?.removeEventListener("abort", giveUp);
      this.#sources.get(source)?.waiting.delete(waiting);
      this.#tidy(source);
    }
  }

  #enqueue(source: string, waiting: Waiting): void {
    const known = this.#hosts?.find(waiting.name);
    if (known !== undefined) return waiting.resolve(this.#resolve(known));
    const shared = this.#underWay.get(waiting.name);
    if (shared !== undefined) return waiting.resolve(shared);
    const of = this.#sources.get(source) ?? { underWay: 0, waiting: new Set() };
    this.#sources.set(source, of);
    of.waiting.add(waiting);
    this.#next();
  }

  /** Starts what may start: of the source with the fewest under way, sources with as many in turn. */
  #next(): void {
    const { perSource = MAX_PER_SOURCE } = this.#options;
    while (this.#count < MAX_UNDER_WAY) {
      const ready = [...this.#sources].filter(([, { underWay, waiting }]) => waiting.size > 0 && underWay < perSource);
      const [first, ...others] = ready;
      if (first === undefined) return;
      const [source, of] = others.reduce((best, one) => one[1].underWay < best[1].underWay ? one : best, first);
      this.#sources.delete(source);
      this.#sources.set(source, of);
      const [waiting] = of.waiting;
      of.waiting.delete(waiting!);
      waiting!.resolve(this.#underWay.get(waiting!.name) ?? this.#start(source, of, waiting!.name));
    }
  }

  #start(source: string, of: Source, name: string): Promise<readonly string[]> {
    this.#count++;
    of.underWay++;
    const answer = this.#resolve(name).finally(() => {
      this.#count--;
      of.underWay--;
      this.#underWay.delete(name);
      this.#tidy(source);
      this.#next();
    });
    this.#underWay.set(name, answer);
    // All that wait for it may have given up by then.
    answer.catch(() => {});
    return answer;
  }

  #tidy(source: string): void {
    const of = this.#sources.get(source);
    if (of?.underWay === 0 && of.waiting.size === 0) this.#sources.delete(source);
  }
}
