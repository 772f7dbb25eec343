import type { Log } from "../log/log.ts";
import { ThrottledWarning } from "../log/throttled.ts";
import type { Activity } from "../observe/activity.ts";
import type { Limit } from "../observe/observable.ts";
import type { Clock } from "../time/clock.ts";
import type { WorkerGroup } from "../workers/worker_group.ts";
import { type EffectiveLimits, limitReached, type Usage } from "./limits.ts";

/** Options of {@linkcode Capacity}. */
export interface CapacityOptions {
  /** Returns the limits in force. */
  readonly limits: () => EffectiveLimits;
  /** The workers that share the limits. */
  readonly group: WorkerGroup;
  /** Counts the limits that are reached. */
  readonly activity: Activity;
  /** Receives a warning for each limit that is reached, throttled. */
  readonly log: Log;
  /** Throttles the warnings. */
  readonly clock: Clock;
}

/** Room for the connections and channels of a client handler. All of its workers share the limits. */
export class Capacity {
  readonly #options: CapacityOptions;
  readonly #full: ThrottledWarning;
  #connections = 0;

  /** Starts without connections. */
  constructor(options: CapacityOptions) {
    this.#options = options;
    this.#full = new ThrottledWarning(options.log, options.clock, "limit reached");
  }

  /** Limits of the handler, with what this worker uses of `sessions`, and all workers of `files`. */
  get levels(): Limit[] {
    const { limits, group: { sessions, channels } } = this.#options, { sessions: most, files } = limits();
    return [
      { name: "sessions", value: most, used: this.#connections },
      { name: "files", value: files, used: sessions.value + channels.value },
    ];
  }

  /**
   * Takes a place for an application's connection, to be given back by {@linkcode give}.
   *
   * @returns False if there is none; the limit is reported.
   */
  take(): boolean {
    if (!this.#room({ sessions: 1, channels: 0 })) return false;
    this.#connections++;
    this.#options.group.sessions.add(1);
    return true;
  }

  /** Gives a place back. */
  give(): void {
    this.#connections--;
    this.#options.group.sessions.add(-1);
  }

  /** Checks for the files of `channels` further connections, without taking them. @returns As {@linkcode take}. */
  fits(channels: number): boolean {
    return this.#room({ sessions: 0, channels });
  }

  #room(wanted: Usage): boolean {
    const { group: { sessions, channels }, activity } = this.#options, limits = this.#options.limits();
    const limit = limitReached(wanted, { sessions: sessions.value, channels: channels.value }, limits);
    if (limit === null) return true;
    activity.limitHits.count(limit);
    this.#full.warn({ limit, value: limits[limit] });
    return false;
  }
}
