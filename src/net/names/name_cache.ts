import type { Log } from "../../log/log.ts";
import type { Clock } from "../../time/clock.ts";
import { canonicalHost, withoutZone } from "../ip.ts";
import type { Lookups } from "./lookups.ts";

/** How long an answer is taken as it is, in milliseconds. */
export const REFRESH_INTERVAL = 60_000;

/** How long after a failure a name is tried again, in milliseconds. */
export const RETRY_INTERVAL = 5_000;

/** How long an address that was an answer is still taken for the name's own, in milliseconds. */
const OWNED_FOR = 3_600_000;

/** How many such addresses are remembered, for each name. */
const MAX_REMEMBERED = 256;

/** What {@linkcode NameCache} needs. */
export interface NameCacheOptions {
  /** Does the work. */
  readonly lookups: Lookups;
  /** Tells time. */
  readonly clock: Clock;
  /** How long one answer may take, in milliseconds. */
  readonly timeout: number;
  /** Gets a line when a name is no longer answered for, and when it is again. */
  readonly log: Log;
}

/** One name. */
interface State {
  answer?: readonly string[];
  failure?: Error;
  /** The resolution under way. */
  pending?: Promise<void>;
  /** When each address was last an answer. */
  readonly seen: Map<string, number>;
  /** Forgets the next resolution. */
  cancel: () => void;
}

/**
 * The addresses of host names that are needed again and again: resolved from the start, and again every
 * {@linkcode REFRESH_INTERVAL}. While a name can't be resolved its last answer holds.
 */
export class NameCache {
  readonly #options: NameCacheOptions;
  readonly #states: ReadonlyMap<string, State>;
  #closed = false;

  /**
   * Begins to resolve.
   *
   * @param before What these take the place of: answers that it has hold until there are others.
   */
  constructor(names: Iterable<string>, options: NameCacheOptions, before?: NameCache) {
    this.#options = options;
    const known = before === undefined ? new Map<string, State>() : before.#states;
    this.#states = new Map([...names].map((name) => [name, inherited(known.get(name))]));
    for (const [name, state] of this.#states) this.#refresh(name, state);
  }

  /**
   * A name's addresses, in their one spelling, at least one; the same array as long as they are the same.
   *
   * @param name One of those that the constructor was given.
   * @throws {Error} When it never could be resolved, with the name and the reason.
   */
  async get(name: string): Promise<readonly string[]> {
    const state = this.#states.get(name)!;
    if (state.answer === undefined) await state.pending;
    if (state.answer === undefined) throw state.failure;
    return state.answer;
  }

  /** Whether an address is a name's, or was within the last hour. */
  owns(name: string, host: string): boolean {
    const seen = this.#states.get(name)?.seen.get(withoutZone(canonicalHost(host)));
    return seen !== undefined && this.#options.clock.now() - seen < OWNED_FOR;
  }

  /** Waits until every name was tried once. @returns Those that could not be resolved yet. */
  async unresolved(): Promise<string[]> {
    const states = [...this.#states].filter(([, { answer }]) => answer === undefined);
    await Promise.all(states.map(([, { pending }]) => pending));
    return states.filter(([, { answer }]) => answer === undefined).map(([name]) => name);
  }

  /** Resolves nothing any more. */
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
      // What still holds is still the name's.
      for (const host of state.answer ?? []) remember(state.seen, host, clock.now());
      state.failure = failure;
      return RETRY_INTERVAL;
    }).then((wait) => {
      if (!this.#closed) state.cancel = clock.after(wait, () => this.#refresh(name, state));
    });
  }
}

function inherited(before: State | undefined): State {
  const { answer, seen } = before ?? {};
  return { ...answer !== undefined && { answer }, seen: new Map(seen), cancel: () => {} };
}

function remember(seen: Map<string, number>, host: string, now: number): void {
  seen.delete(withoutZone(host));
  seen.set(withoutZone(host), now);
  const [oldest] = seen.keys();
  if (seen.size > MAX_REMEMBERED) seen.delete(oldest!);
}
