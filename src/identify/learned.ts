import type { KeyScope } from "../config/scope.ts";
import { covers } from "../config/scope.ts";
import type { Address } from "../net/address.ts";
import type { Clock } from "../time/clock.ts";
import type { Network } from "../net/connection.ts";
import { isUnavailable, retry } from "../net/retry.ts";
import type { Log } from "../log/log.ts";
import { ThrottledWarning } from "../log/throttled.ts";
import { type DatabaseEntry, isDue, isValid } from "./entry.ts";
import { identify, IdentifyError } from "./exchange.ts";
import type { Key } from "./key.ts";
import { listed, type Store } from "./store.ts";

/** A key and its scope. */
export interface ScopedKey {
  /** The server handlers that it is for. */
  readonly scope: KeyScope;
  /** Able to verify. */
  readonly key: Key;
}

/** Options of {@linkcode Learned}. */
export interface LearnedOptions {
  /** Returns the current keys, to be tried in this order. */
  readonly keys: () => readonly ScopedKey[];
  /** Storage of learned channels. */
  readonly store: Store;
  /** Makes connections. */
  readonly network: Network;
  /** Measures time-outs and pauses. */
  readonly clock: Clock;
  /** Time of day, in milliseconds since 1970: entries outlive the process. */
  readonly now: () => number;
  /** Returns the current time limit of an exchange, in milliseconds. */
  readonly timeout: () => number;
  /** Gets a line for each exchange. */
  readonly log: Log;
  /** Called with the outcome of each exchange. */
  readonly asked?: (outcome: "learned" | "failed") => void;
  /** True if a rule sends connections to an address back to this handler; an exchange is not repeated then. */
  readonly cameBack?: (to: Address) => boolean;
}

/** Pause before asking a server again that did not identify its channels, in milliseconds. */
const FAILURE_PAUSE = 5_000;

/** Pause before repeating a failed renewal, in milliseconds. */
const RENEWAL_PAUSE = 60_000;

/** Maximum number of remembered failures. */
const MAX_FAILURES = 1024;

/** A failure, and when to try again. */
interface Failure {
  readonly error: unknown;
  readonly until: number;
}

/**
 * Channels of server handlers that are not configured (paper, section III-C): from the local database or, with a configured
 * key, from the server handler itself. Concurrent requests share one exchange.
 */
export class Learned {
  readonly #options: LearnedOptions;
  readonly #pending = new Map<string, Promise<DatabaseEntry>>();
  readonly #failures = new Map<string, Failure>();
  readonly #failedRenewals = new Map<string, Failure>();
  readonly #notRenewed: ThrottledWarning;
  readonly #giveUp = new AbortController();

  /** Starts without asking any server. */
  constructor(options: LearnedOptions) {
    this.#options = options;
    this.#notRenewed = new ThrottledWarning(options.log, options.clock, "channels not renewed");
  }

  /**
   * Finds or learns the channels for an address.
   *
   * @param host An IP address in canonical spelling.
   * @param names Names that resolve to it, for keys whose scope is a name.
   * @returns null if nothing was ever learned and there is no key to ask with.
   * @throws {IdentifyError} If learning failed, or the known channels have expired.
   */
  async find(host: string, names: readonly string[] = []): Promise<DatabaseEntry | null> {
    const { store, now, clock } = this.#options;
    const keys = this.#options.keys().filter(({ scope }) => [host, ...names].some((one) => covers(scope, one)));
    const entry = store.find(host);
    if (entry !== undefined && isValid(entry, now()) && isTrusted(entry, keys)) {
      // Imported entries are never renewed.
      if (keys.length > 0 && entry.source === "exchange" && isDue(entry, now())) this.#renew(entry, keys);
      return entry;
    }
    if (keys.length === 0) {
      if (entry === undefined) return null;
      const expired = new Date(entry.expires ?? 0).toISOString();
      throw new IdentifyError(
        `the channels learned for ${host} expired at ${expired}, and no key is configured for it`,
      );
    }
    const failure = this.#failures.get(host);
    if (failure !== undefined && clock.now() < failure.until) throw failure.error;
    try {
      return await this.#learn(host, keys);
    } catch (error) {
      fail(this.#failures, host, { error, until: clock.now() + FAILURE_PAUSE });
      throw error;
    }
  }

  /** Aborts pending exchanges, and makes further ones fail. */
  close(): void {
    this.#giveUp.abort(new Error("the handler is ending"));
  }

  /** Renews an entry before it expires, using it meanwhile. */
  #renew(entry: DatabaseEntry, keys: readonly ScopedKey[]): void {
    const { clock } = this.#options;
    const { address } = entry;
    if (this.#pending.has(address) || clock.now() < (this.#failedRenewals.get(address)?.until ?? 0)) return;
    this.#learn(address, keys).catch((error) => {
      fail(this.#failedRenewals, address, { error, until: clock.now() + RENEWAL_PAUSE });
      const until = new Date(entry.expires!).toISOString();
      this.#notRenewed.warn({ address, reason: error.message, "valid-until": until });
    });
  }

  #learn(host: string, keys: readonly ScopedKey[]): Promise<DatabaseEntry> {
    const pending = this.#pending.get(host);
    if (pending !== undefined) return pending;
    const learning = this.#ask(host, keys).finally(() => this.#pending.delete(host));
    this.#pending.set(host, learning);
    return learning;
  }

  async #ask(host: string, keys: readonly ScopedKey[]): Promise<DatabaseEntry> {
    const { store, log, asked } = this.#options;
    let entry: DatabaseEntry;
    try {
      entry = await learn(host, keys, {
        ...this.#options,
        timeout: this.#options.timeout(),
        signal: this.#giveUp.signal,
      });
    } catch (error) {
      asked?.("failed");
      throw error;
    }
    asked?.("learned");
    this.#failures.delete(host);
    this.#failedRenewals.delete(host);
    log.info("channels identified", {
      address: host,
      channels: listed(entry),
      key: entry.key ?? undefined,
      "valid-until": new Date(entry.expires!).toISOString(),
    });
    if (!this.#giveUp.signal.aborted) store.keep(entry);
    return entry;
  }
}

/** Options of {@linkcode learn}. */
export type LearnOptions = Pick<LearnedOptions, "network" | "clock" | "now" | "cameBack"> & {
  /** Time limit, in milliseconds. */
  readonly timeout: number;
  /** Aborts the exchange. */
  readonly signal?: AbortSignal;
};

/**
 * Asks the server handler at an address for its channels, with each key in turn, at the ports of the keys. Repeats a request
 * while the server is briefly gone, as during a replacement: requests change nothing.
 *
 * @param keys At least one.
 * @throws {IdentifyError} If no key leads to an answer.
 */
export async function learn(host: string, keys: readonly ScopedKey[], options: LearnOptions): Promise<DatabaseEntry> {
  const { cameBack = () => false } = options;
  return await retry(() => learnAtOnce(host, keys, options), {
    ...options,
    retryable: (error) => isUnavailable(error) && !keys.some(({ scope: { port } }) => cameBack({ host, port })),
  });
}

async function learnAtOnce(host: string, keys: readonly ScopedKey[], options: LearnOptions): Promise<DatabaseEntry> {
  const { clock, timeout, now } = options;
  const deadline = clock.now() + timeout;
  const learned = now();
  const byPort = Map.groupBy(keys, ({ scope }) => scope.port);
  let failure: unknown;
  for (const [port, those] of byPort) {
    const left = deadline - clock.now();
    if (left <= 0) break;
    try {
      const { channels, valid, key } = await identify({ host, port }, those.map(({ key }) => key), {
        ...options,
        timeout: left,
      });
      const expires = learned + valid * 1000;
      return { address: host, channels, source: "exchange", learned, expires, key: key.id.toHex() };
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** True if an entry may be used with the present keys: removing a key invalidates what it authenticated. */
function isTrusted({ source, key }: DatabaseEntry, keys: readonly ScopedKey[]): boolean {
  return source === "import" || keys.length === 0 || keys.some((one) => one.key.id.toHex() === key);
}

function fail(failures: Map<string, Failure>, host: string, failure: Failure): void {
  failures.delete(host);
  failures.set(host, failure);
  const [oldest] = failures.keys();
  if (failures.size > MAX_FAILURES) failures.delete(oldest!);
}
