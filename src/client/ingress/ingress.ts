import { reasonOf } from "../../errors/errors.ts";
import { AdmissionQueue } from "../../association/admission_queue.ts";
import { acceptAll } from "../../net/listen/accept_loop.ts";
import { type Address, formatAddress } from "../../net/address.ts";
import type { Connection, Listener } from "../../net/connection.ts";
import { listenShared, StartError } from "../../net/listen/listen.ts";
import type { System } from "../../net/system/system.ts";
import type { Log, LogFields } from "../../log/log.ts";
import type { WorkerGroup } from "../../workers/worker_group.ts";
import { type Arrival, type Entry, TurnedAway } from "./arrival.ts";
import { Dialogue } from "./dialogue.ts";

/** How long connections that have begun may take to arrive when no further one may begin, in milliseconds. */
const LAST_ARRIVALS = 200;

/** What {@linkcode Ingress} needs. */
export interface WaysInOptions extends System {
  /** Lets a listener take connections to every address. */
  readonly makeTransparent: (listener: Listener) => void;
  /** How long an application may take to say where it wants to go, in milliseconds; looked at for each. */
  readonly timeout: number;
  /** As {@linkcode Connection.keepAlive} has it; looked at for each. */
  readonly keepalive: number;
  /**
   * How many may be saying so at once; looked at for each. A newer one takes the place of the oldest of the source that
   * has most, which is the least likely to mean it.
   */
  readonly asking: number;
  /** Takes each arrival and owns it, until the promise settles; must not reject. */
  readonly arrived: (arrival: Arrival) => Promise<void>;
  /** Called for each connection that is turned away, with its log line's fields. */
  readonly refused: (fields: LogFields) => void;
  /** Gets a line when accepting fails. */
  readonly log: Log;
  /** The workers that listen there. */
  readonly group: WorkerGroup;
  /** Whether another process may listen there already, which is about to end. Default: false. */
  readonly replace?: boolean;
}

/** All ways in of a client handler: listens, and finds out where each application wants to go. */
export class Ingress {
  /** Where it listens; real ports where 0 was asked for. */
  readonly addresses: readonly Address[];
  #entries: readonly Entry[];
  readonly #options: WaysInOptions;
  readonly #listeners: readonly Listener[];
  readonly #accepting: Promise<unknown>;
  readonly #dialogues: AdmissionQueue<Dialogue>;
  readonly #arrivals = new Set<Promise<void>>();
  #stopped = false;

  /**
   * Starts to listen.
   *
   * @throws {StartError} When an address can't be listened at; nothing is left open then.
   */
  constructor(entries: readonly Entry[], options: WaysInOptions) {
    const { network, log, clock, group, replace = false } = this.#options = options;
    this.#dialogues = new AdmissionQueue(() => ({ total: options.asking, perSource: Infinity }));
    this.#entries = entries;
    const places = entries.map(({ listen }) => listen);
    this.#listeners = listenShared(network, places, group.index === 0 && !replace);
    try {
      this.#listeners.forEach((listener, index) => {
        if (entries[index]!.transparent) options.makeTransparent(listener);
      });
    } catch (cause) {
      for (const listener of this.#listeners) listener.close();
      throw new StartError(cause instanceof Error ? cause.message : String(cause), { cause });
    }
    this.addresses = this.#listeners.map(({ address }) => address);
    this.#accepting = Promise.all(this.#listeners.map((listener, index) => {
      return acceptAll(listener, (connection) => this.#take(this.#entries[index]!, connection), { log, clock });
    }));
  }

  /** How many connections are under way: arriving, or arrived. */
  get size(): number {
    return this.#arrivals.size;
  }

  /** Where the ways in of one kind listen, in the order of their entries. */
  at(name: Entry["name"]): Address[] {
    return this.addresses.filter((_, index) => this.#entries[index]!.name === name);
  }

  /**
   * Puts other entries in the place of those that listen at the same addresses. Listeners stay as they are.
   *
   * @returns The names of the ways in that begin or cease to listen somewhere, which takes another start.
   */
  replace(entries: readonly Entry[]): string[] {
    const left = [...entries];
    const changed = new Set<string>();
    this.#entries = this.#entries.map((entry) => {
      const index = left.findIndex((other) => placeOf(other) === placeOf(entry));
      if (index >= 0) return left.splice(index, 1)[0]!;
      changed.add(entry.name);
      return entry;
    });
    for (const { name } of left) changed.add(name);
    return [...changed];
  }

  /** Takes no more connections. Those under way go on. */
  stopListening(): void {
    this.#stopped = true;
    for (const listener of this.#listeners) {
      if (listener.hold?.()) this.#options.clock.after(LAST_ARRIVALS, () => listener.close());
      else listener.close();
    }
  }

  /** Resolves when no connection is under way, nor about to arrive where none may begin any more. */
  async idle(): Promise<void> {
    if (this.#stopped) await this.#accepting;
    await Promise.all(this.#arrivals);
  }

  /** Stops listening, and resets the connections that have not arrived yet. */
  async close(): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    await this.#accepting;
    for (const { connection } of [...this.#dialogues]) connection.reset();
  }

  #take(entry: Entry, connection: Connection): void {
    const { arrived, keepalive } = this.#options;
    connection.keepAlive?.(keepalive);
    // What has arrived leaves nothing of its dialogue behind for as long as it is carried.
    const arrival = this.#receive(entry, connection)
      .then((arrival) => arrival === null ? undefined : arrived(arrival))
      .finally(() => this.#arrivals.delete(arrival));
    this.#arrivals.add(arrival);
  }

  /** Finds out where a connection wants to go. @returns null when it was turned away, and has ended. */
  async #receive(entry: Entry, connection: Connection): Promise<Arrival | null> {
    const { clock, timeout, refused } = this.#options;
    const dialogue = new Dialogue(connection, clock, timeout);
    const evicted = this.#dialogues.add(dialogue);
    if (evicted !== null) {
      this.#dialogues.remove(evicted);
      evicted.connection.reset();
    }
    try {
      return await entry.arrive(dialogue);
    } catch (error) {
      refused({
        entry: entry.name,
        from: formatAddress(connection.remote),
        reason: reasonOf(error),
      });
      if (error instanceof TurnedAway && error.words !== undefined) await dialogue.end(error.words);
      else connection.reset();
      return null;
    } finally {
      dialogue.over();
      this.#dialogues.remove(dialogue);
    }
  }
}

function placeOf({ name, listen }: Entry): string {
  return `${name} ${formatAddress(listen)}`;
}
