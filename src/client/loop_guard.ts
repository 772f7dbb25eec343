import { List } from "../collections/list.ts";
import { type Address, formatAddress } from "../net/address.ts";
import type { Clock } from "../time/clock.ts";
import type { Connection, Listener, Network } from "../net/connection.ts";
import { canonicalHost, isIp, sameHost, withoutZone } from "../net/ip.ts";
import type { Log } from "../log/log.ts";
import type { OwnConnections } from "../net/own_connections.ts";
import { ownUid } from "../net/own_uid.ts";
import { NotAllowed } from "./ingress/refusal.ts";

/**
 * Minimum time that a connection is remembered, in milliseconds; at most twice as long. A rule brings it back at once; much
 * later another program may have its port.
 */
const RETENTION = 2000;

/** Polling interval and time limit for another worker's pending connection, in milliseconds. */
const POLL_INTERVAL = 2, MAX_WAIT = 200;

/** Minimum interval between log lines about one destination, in milliseconds. */
const LINE_INTERVAL = 10_000;

/** Maximum number of destinations with such an interval. */
const MAX_LINES = 256;

/**
 * The client handler's network, which recognizes the handler's own connections when a rule sends them back: each would cause
 * n more until file descriptors run out. Connections are identified by both ends, since another program may use the same
 * local port for another destination.
 */
export class LoopGuard implements Network {
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #shared: OwnConnections | undefined;
  /** Pending connections and their destinations. */
  readonly #pending = new List<{ readonly connecting: Promise<unknown>; readonly to: Address }>();
  /** Ends of recent connections, and destinations from which one came back: two generations. */
  #recent = new Set<string>();
  #older = new Set<string>();
  #rotated = 0;
  /** Time of the last log line about each destination, and the number of loops since. */
  readonly #lines = new Map<string, { readonly at: number; repeated: number }>();

  /**
   * Starts without connections.
   *
   * @param log Gets a line if a connection comes back, at most one per destination in ten seconds.
   * @param shared Connections of all workers, if there are several.
   */
  constructor(network: Network, clock: Clock, log: Log, shared?: OwnConnections) {
    this.#shared = shared;
    this.#network = network;
    this.#clock = clock;
    this.#log = log;
  }

  async connect(to: Address, signal?: AbortSignal): Promise<Connection> {
    const connecting = this.#network.connect(to, signal);
    const place = this.#pending.add({ connecting, to });
    this.#shared?.pending(to.port, 1);
    try {
      const connection = await connecting;
      this.#rotate();
      this.#remember(pathOf(connection.local, connection.remote));
      return connection;
    } finally {
      this.#pending.remove(place);
      this.#shared?.pending(to.port, -1);
    }
  }

  listen(at: Address, shared?: boolean): Listener {
    return this.#network.listen(at, shared);
  }

  /**
   * Checks that an accepted connection is not one of the handler's own.
   *
   * @param destination Its original destination.
   * @throws {NotAllowed} If it is; the message names the missing rule, and is logged.
   */
  async check({ remote }: Connection, destination: Address): Promise<void> {
    // A connection can come back before connect() resolves; it is then pending to this destination.
    if (this.#pending.size > 0) {
      const candidates = [...this.#pending].filter(({ to }) => mayBe(to, destination));
      if (candidates.length > 0) await Promise.allSettled(candidates.map(({ connecting }) => connecting));
    }
    this.#rotate();
    const path = pathOf(remote, destination);
    if (!this.#remembers(path) && !await this.#isOtherWorkers(path, destination)) return;
    this.#remember(nameOf(destination));
    const error = new NotAllowed(`this handler's own connection came back to it: ${missingRule()}`);
    this.#report(destination, formatAddress(remote), error.message);
    throw error;
  }

  /** True if a connection to an address came back recently, to any worker; another attempt would come back as well. */
  cameBack(to: Address): boolean {
    this.#rotate();
    return this.#remembers(nameOf(to));
  }

  #remember(path: string): void {
    this.#recent.add(path);
    this.#shared?.made(path);
  }

  #remembers(path: string): boolean {
    return this.#recent.has(path) || this.#older.has(path) || (this.#shared?.has(path) ?? false);
  }

  /** True if another worker has made a connection; waits while one may be about to complete. */
  async #isOtherWorkers(path: string, { port }: Address): Promise<boolean> {
    const shared = this.#shared;
    for (let waited = 0; shared?.isPending(port) && !shared.has(path) && waited < MAX_WAIT; waited += POLL_INTERVAL) {
      await this.#clock.sleep(POLL_INTERVAL);
    }
    return shared?.has(path) ?? false;
  }

  #report(destination: Address, from: string, reason: string): void {
    const now = this.#clock.now();
    const key = formatAddress(destination);
    const last = this.#lines.get(key);
    if (last !== undefined && now - last.at < LINE_INTERVAL) return void last.repeated++;
    this.#lines.delete(key);
    this.#lines.set(key, { at: now, repeated: 0 });
    if (this.#lines.size > MAX_LINES) this.#lines.delete(this.#lines.keys().next().value!);
    this.#log.error("connection refused", { from, destination: key, reason, repeated: last?.repeated || undefined });
  }

  #rotate(): void {
    const elapsed = this.#clock.now() - this.#rotated;
    if (elapsed < RETENTION) return;
    this.#older = elapsed < 2 * RETENTION ? this.#recent : new Set();
    this.#recent = new Set();
    this.#rotated = this.#clock.now();
  }
}

function pathOf(from: Address, to: Address): string {
  return `${nameOf(from)},${nameOf(to)}`;
}

function nameOf({ host, port }: Address): string {
  return formatAddress({ host: withoutZone(canonicalHost(host)), port });
}

/** True if a connection to `to`, perhaps a name, may be one to `destination`. */
function mayBe(to: Address, destination: Address): boolean {
  if (to.port !== destination.port) return false;
  return !isIp(to.host) || !isIp(destination.host) || sameHost(to.host, destination.host);
}

/** Describes the rule that exempts this handler's connections. */
function missingRule(): string {
  const uid = ownUid();
  if (uid === null) return "exempt its user, micss rules apply --exempt-uid USER";
  if (uid === 0) return "run it as a separate user, and exempt that user, micss rules apply --exempt-uid USER";
  return `exempt its user, micss rules apply --exempt-uid ${uid}`;
}
