import type { Log } from "../../log/log.ts";
import type { Clock } from "../../time/clock.ts";
import { canonicalHost, withoutZone } from "../ip.ts";
import type { Lookups } from "./lookups.ts";

/** Time between two look-ups of a name, in milliseconds. */
export const REFRESH_INTERVAL = 60_000;

/** Time before the next look-up after a failure, in milliseconds. */
export const RETRY_INTERVAL = 5_000;

/** Time for which a former address still counts as the name's own, in milliseconds. */
const OWNED_FOR = 3_600_000;

/** Maximum number of remembered addresses per name. */
const MAX_REMEMBERED = 256;

/** Options of a {@linkcode NameCache}. */
export interface NameCacheOptions {
  /** Resolves the names. */
  readonly lookups: Lookups;
  /** Measures intervals. */
  readonly clock: Clock;
  /** Time limit of a look-up, in milliseconds. */
  readonly timeout: number;
  /** Receives a line when a name stops resolving, and when it resolves again. */
  readonly log: Log;
}

/** One name. */
interface State {
  answer?: readonly string[];
  failure?: Error;
  /** The look-up under way. */
  pending?: Promise<void>;
  /** Time at which each address was last part of an answer. */
  readonly seen: Map<string, number>;
  /** Cancels the next look-up. */
  cancel: () => void;
}

/**
 * The addresses of a fixed set of host names, looked up on construction and every {@linkcode REFRESH_INTERVAL}. While a
 * name can't be resolved, its last answer holds.
 */
export class NameCache {
  readonly #options: NameCacheOptions;
  readonly #states: ReadonlyMap<string, State>;
  #closed = false;

  /**
   * Starts the look-ups.
   *
   * @param predecessor Cache that this one replaces; its answers hold until there are new ones.
   */
  constructor(names: Iterable<string>, options: NameCacheOptions, predecessor?: NameCache) {
    this.#options = options;
    const known = predecessor === undefined ? new Map<string, State>() : predecessor.#states;
    this.#states = new Map([...names].map((name) => [name, inherited(known.get(name))]));
    for (const [name, state] of this.#states) this.#refresh(name, state);
  }

  /**
   * A name's addresses in canonical spelling, at least one; the same array until they change.
   *
   * @param name One of the names given to the constructor.
   * @throws {Error} If the name never resolved, with the name and the reason.
   */
  async get(name: string): Promise<readonly string[]> {
    const state = this.#states.get(name)!;
    if (state.answer === undefined) await state.pending;
    if (state.answer === undefined) throw state.failure;
    return state.answer;
  }

  /** Reports whether an address is one of a name's, or was within the last hour. */
  owns(name: string, host: string): boolean {
    const seen = this.#states.get(name)?.seen.get(withoutZone(canonicalHost(host)));
    return seen !== undefined && this.#options.clock.now() - seen < OWNED_FOR;
  }

  /** Waits until every name was looked up once. @returns The names without an answer. */
  async unresolved(): Promise<string[]> {
    const states = [...this.#states].filter(([, { answer }]) => answer === undefined);
    await Promise.all(states.map(([, { pending }]) => pending));
    return states.filter(([, { answer }]) => answer === undefined).map(([name]) => name);
  }

  /** Stops further look-ups. */
  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#states.values()) cancel();
  }

  #refresh(name: string, state: State): void {
    const { clock, log, lookups } = this.#options;
    state.pending = lookups.addresses(name, this.#options).then((answer) => {
      if (state.failure !== undefined) log.info("name resolved again", { name });
      delete state.failure;
      if (state.answer?.join() !== answer.join()) state.answer = answer;
      for (const host of answer) remember(state.seen, host, clock.now());
      return REFRESH_INTERVAL;
    }, (failure: Error) => {
      const kept = state.answer?.join();
      if (state.failure === undefined && !this.#closed) {
        log.warn("name not resolved", { reason: failure.message, kept });
      }
      // The last answer holds, so its addresses are still the name's.
      for (const host of state.answer ?? []) remember(state.seen, host, clock.now());
      state.failure = failure;
      return RETRY_INTERVAL;
    }).then((wait) => {
      if (!this.#closed) state.cancel = clock.after(wait, () => this.#refresh(name, state));
    });
  }
}

function inherited(predecessor: State | undefined): State {
  const { answer, seen } = predecessor ?? {};
  return { ...answer !== undefined && { answer }, seen: new Map(seen), cancel: () => {} };
}

function remember(seen: Map<string, number>, host: string, now: number): void {
  seen.delete(withoutZone(host));
  seen.set(withoutZone(host), now);
  const [oldest] = seen.keys();
  if (seen.size > MAX_REMEMBERED) seen.delete(oldest!);
}
