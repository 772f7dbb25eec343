import { type Address, formatAddress } from "../net/address.ts";
import type { Clock } from "../time/clock.ts";
import type { Connection, Listener, Network } from "../net/connection.ts";
import { canonicalHost, isIp, sameHost, withoutZone } from "../net/ip.ts";
import type { Log } from "../log/log.ts";
import type { OwnConnections } from "../net/own_connections.ts";
import { NotAllowed } from "./ingress/refusal.ts";

/**
 * How long it is known whose a connection is after it was made, in milliseconds. A rule brings it back within the moment;
 * much later its port may be another program's.
 */
const REMEMBERED = 2000;

/** How long to wait for another worker's connection to be made, at a time and in all, in milliseconds. */
const WAIT = 2, MAX_WAIT = 200;

/** How often a loop to one destination gets a line, in milliseconds. */
const LINE_INTERVAL = 10_000;

/** How many destinations are remembered for that. */
const MAX_LINES = 256;

/**
 * The network as the client handler uses it, so that it recognizes its own connections when a rule sends them back to it:
 * each would make n more, until files run out. It knows them by both ends: a port alone may be another program's, which
 * connects to somewhere else.
 */
export class LoopGuard implements Network {
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #all: OwnConnections | undefined;
  /** Connections that are being made, each promise to settle either way. */
  readonly #pending = new Map<Promise<unknown>, Address>();
  /** Both ends of those made lately, and of those made before: cleared in turns. */
  #recent = new Set<string>();
  #older = new Set<string>();
  #rotated = 0;
  /** When each destination last got a line, and how often it came back since. */
  readonly #lines = new Map<string, { readonly at: number; since: number }>();

  /**
   * Knows of no connection yet.
   *
   * @param log Gets a line when a connection comes back, and no more than one in some seconds.
   * @param all The connections of all workers, where there are several.
   */
  constructor(network: Network, clock: Clock, log: Log, all?: OwnConnections) {
    this.#all = all;
    this.#network = network;
    this.#clock = clock;
    this.#log = log;
  }

  async connect(to: Address, signal?: AbortSignal): Promise<Connection> {
    const connecting = this.#network.connect(to, signal);
    this.#pending.set(connecting, to);
    this.#all?.pending(to.port, 1);
    try {
      const connection = await connecting;
      this.#rotate();
      this.#remember(pathOf(connection.local, connection.remote));
      return connection;
    } finally {
      this.#pending.delete(connecting);
      this.#all?.pending(to.port, -1);
    }
  }

  listen(at: Address, shared?: boolean): Listener {
    return this.#network.listen(at, shared);
  }

  /**
   * Lets a connection through that is not one of these, come back.
   *
   * @param destination Where it was going.
   * @throws {NotAllowed} When it is one; the message says which rule is missing, and the log has a line.
   */
  async check({ remote }: Connection, destination: Address): Promise<void> {
    // What comes back can arrive before it is known to be made; but then it is being made to that very place.
    const candidates = [...this.#pending].filter(([, to]) => mayBe(to, destination)).map(([connecting]) => connecting);
    await Promise.allSettled(candidates);
    this.#rotate();
    const path = pathOf(remote, destination);
    if (!this.#remembers(path) && !await this.#isOtherWorkers(path, destination)) return;
    this.#remember(nameOf(destination));
    const error = new NotAllowed(`this handler's own connection came back to it: ${missingRule()}`);
    this.#report(destination, formatAddress(remote), error.message);
    throw error;
  }

  /** True if a connection to an address came back in the last seconds, to any worker: another attempt would, too. */
  cameBack(to: Address): boolean {
    this.#rotate();
    return this.#remembers(nameOf(to));
  }

  #remember(path: string): void {
    this.#recent.add(path);
    this.#all?.made(path);
  }

  #remembers(path: string): boolean {
    return this.#recent.has(path) || this.#older.has(path) || (this.#all?.has(path) ?? false);
  }

  /** Whether another worker has made a connection, or is about to know that it has. */
  async #isOtherWorkers(path: string, { port }: Address): Promise<boolean> {
    const all = this.#all;
    for (let waited = 0; all?.isPending(port) && !all.has(path) && waited < MAX_WAIT; waited += WAIT) {
      await new Promise<void>((resolve) => this.#clock.after(WAIT, resolve));
    }
    return all?.has(path) ?? false;
  }

  #report(destination: Address, from: string, reason: string): void {
    const now = this.#clock.now();
    const key = formatAddress(destination);
    const last = this.#lines.get(key);
    if (last !== undefined && now - last.at < LINE_INTERVAL) return void last.since++;
    this.#lines.delete(key);
    this.#lines.set(key, { at: now, since: 0 });
    if (this.#lines.size > MAX_LINES) this.#lines.delete(this.#lines.keys().next().value!);
    this.#log.error("connection refused", { from, destination: key, reason, repeated: last?.since || undefined });
  }

  #rotate(): void {
    const elapsed = this.#clock.now() - this.#rotated;
    if (elapsed < REMEMBERED) return;
    this.#older = elapsed < 2 * REMEMBERED ? this.#recent : new Set();
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

/** Whether a connection to `to`, which may be a name, may be one to that address. */
function mayBe(to: Address, destination: Address): boolean {
  if (to.port !== destination.port) return false;
  return !isIp(to.host) || !isIp(destination.host) || sameHost(to.host, destination.host);
}

/** What lets this handler's connections pass. */
function missingRule(): string {
  const uid = ownUid();
  if (uid === null) return "exempt its user, micss rules apply --exempt-uid USER";
  if (uid === 0) return "run it as a user of its own, and exempt that one, micss rules apply --exempt-uid USER";
  return `exempt its user, micss rules apply --exempt-uid ${uid}`;
}

function ownUid(): number | null {
  try {
    return Deno.uid();
  } catch {
    return null;
  }
}
