import { AdmissionQueue, type Waiting } from "../association/admission_queue.ts";
import type { KnownClient } from "../authenticate/client_directory.ts";
import type { Log } from "../log/log.ts";
import { ThrottledWarning } from "../log/throttled.ts";
import { sourceNetwork } from "../net/ip.ts";
import type { Activity } from "../observe/activity.ts";
import type { Clock } from "../time/clock.ts";
import { perWorkerShare, type WorkerGroup } from "../workers/worker_group.ts";
import { type EffectiveLimits, limitReached, type Usage } from "./limits.ts";

/** An association as the limits see it. */
export interface Evictable extends Waiting {
  /** Ends the association, which has no session, to make room. */
  evict(): void;
}

/** Options of {@linkcode Capacity}. */
export interface CapacityOptions {
  /** Returns the limits in force. */
  readonly limits: () => EffectiveLimits;
  /** The workers that share the limits. */
  readonly group: WorkerGroup;
  /** Number of channels of an association. */
  readonly channels: number;
  /** Counts the limits that are reached. */
  readonly activity: Activity;
  /** Receives a warning for each limit that is reached, throttled. */
  readonly log: Log;
  /** Throttles the warnings. */
  readonly clock: Clock;
}

/**
 * Room for the associations and sessions of a server handler. All of its workers share the limits; each holds the idle
 * associations that it may evict.
 */
export class Capacity {
  readonly #options: CapacityOptions;
  readonly #full: ThrottledWarning;
  /** Associations without a session. */
  readonly #idle: AdmissionQueue<Evictable>;
  /** Numbers of sessions by the network of their clients. */
  readonly #sessionsBySource = new Map<string, number>();
  /** Numbers of sessions by the names of clients that have proved their identity. */
  readonly #sessionsByClient = new Map<string, number>();
  #sessions = 0;

  /** Starts without associations and sessions. */
  constructor(options: CapacityOptions) {
    const { limits, group, log, clock } = options;
    this.#options = options;
    this.#full = new ThrottledWarning(log, clock, "limit reached");
    this.#idle = new AdmissionQueue(() => ({
      total: Infinity,
      perSource: perWorkerShare(limits().idlePerSource, group),
    }));
  }

  /** Numbers of all workers. */
  get usage(): Usage {
    const { group: { sessions, channels }, channels: perAssociation } = this.#options;
    return { associations: channels.value / perAssociation, sessions: sessions.value };
  }

  /** Sessions of this worker that hold a place, including those whose target is not connected yet. */
  get sessions(): number {
    return this.#sessions;
  }

  /** Registers an association without a session. Evicts another one of a source that has too many. */
  addIdle(association: Evictable): void {
    const evicted = this.#idle.add(association);
    if (evicted !== null) this.#limitReached("idle-per-source", this.#options.limits().idlePerSource, evicted);
  }

  /** Removes an association that has a session again, or that has ended; harmless if it is not registered. */
  removeIdle(association: Evictable): void {
    this.#idle.remove(association);
  }

  /** True if there is room for another association, or an idle one to evict for it. The limit is reported otherwise. */
  get welcomesAssociation(): boolean {
    const limit = limitReached("association", this.usage, this.#options.limits());
    if (limit === null || this.#idle.next !== null) return true;
    this.#limitReached(limit, this.#options.limits()[limit]);
    return false;
  }

  /**
   * Makes room for an association or session, if need be by evicting an idle association.
   *
   * @returns False if there is none; the limit is reported.
   */
  makeRoom(wanted: "association" | "session"): boolean {
    const limits = this.#options.limits();
    const limit = limitReached(wanted, this.usage, limits);
    if (limit === null) return true;
    const evicted = limit === "sessions" ? null : this.#idle.next;
    this.#limitReached(limit, limits[limit], evicted);
    return evicted !== null;
  }

  /**
   * Takes a place for a client's session, to be given back by {@linkcode give}.
   *
   * @param host The client handler's host address.
   * @param client The client, if it has proved its identity.
   * @returns False if there is none; the limit is reported.
   */
  take(host: string, client: KnownClient | null): boolean {
    const { group, limits } = this.#options, { sessions, sessionsPerSource, sessionsPerClient } = limits();
    const source = sourceNetwork(host), taken = this.#sessionsBySource.get(source) ?? 0;
    const perSource = perWorkerShare(sessionsPerSource, group);
    // By default both limits are equal: it is then that of all sessions.
    if (taken >= perSource && this.usage.sessions < sessions) {
      this.#limitReached("sessions-per-source", perSource);
      return false;
    }
    const ofClient = client === null ? 0 : this.#sessionsByClient.get(client.name) ?? 0;
    const perClient = perWorkerShare(client?.sessions ?? sessionsPerClient, group);
    if (client !== null && ofClient >= perClient && this.usage.sessions < sessions) {
      this.#report({ limit: "sessions-per-client", value: perClient, name: client.name });
      return false;
    }
    if (!this.makeRoom("session")) return false;
    this.#sessionsBySource.set(source, taken + 1);
    if (client !== null) this.#sessionsByClient.set(client.name, ofClient + 1);
    this.#sessions++;
    group.sessions.add(1);
    return true;
  }

  /** Gives a place back. */
  give(host: string, client: KnownClient | null): void {
    decrease(this.#sessionsBySource, sourceNetwork(host));
    if (client !== null) decrease(this.#sessionsByClient, client.name);
    this.#sessions--;
    this.#options.group.sessions.add(-1);
  }

  /** Reports a connection that exceeds its source's rate. */
  tooFast(from: string): void {
    this.#report({ limit: "accept-rate", value: this.#options.limits().acceptRate, from });
  }

  #limitReached(limit: string, value: number, evicted: Evictable | null = null): void {
    this.#report({ limit, value, ...evicted !== null && { evicted: evicted.remoteHost } });
    if (evicted === null) return;
    this.#idle.remove(evicted);
    evicted.evict();
  }

  #report(fields: { limit: string; value: number; from?: string; name?: string; evicted?: string }): void {
    this.#options.activity.limitHits.count(fields.limit);
    this.#full.warn(fields);
  }
}

/** Decreases a number, and removes it at 0. */
function decrease(numbers: Map<string, number>, key: string): void {
  const left = numbers.get(key)! - 1;
  if (left > 0) numbers.set(key, left);
  else numbers.delete(key);
}
