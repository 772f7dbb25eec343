import { reasonOf } from "../../errors/errors.ts";
import { AdmissionQueue } from "../../association/admission_queue.ts";
import { List } from "../../collections/list.ts";
import { acceptAll } from "../../net/listen/accept_loop.ts";
import { type Address, formatAddress } from "../../net/address.ts";
import type { Connection, Listener } from "../../net/connection.ts";
import { listenShared, StartError } from "../../net/listen/listen.ts";
import type { System } from "../../net/system/system.ts";
import type { Log, LogFields } from "../../log/log.ts";
import type { WorkerGroup } from "../../workers/worker_group.ts";
import {
  type Arrival,
  type DialogueIngress,
  type ImplicitIngress,
  IngressError,
  type IngressProtocol,
  type RelayArrival,
} from "./arrival.ts";
import { Dialogue } from "./dialogue.ts";

/** Time for pending connections to arrive after a listener stops admitting new ones, in milliseconds. */
const DRAIN_TIME = 200;

/** Limits of connections that have not arrived yet. */
export interface IngressLimits {
  /** Time for an application to complete its request, in milliseconds. */
  readonly timeout: number;
  /** As for {@linkcode Connection.keepAlive}. */
  readonly keepalive: number;
  /**
   * Maximum number of incomplete requests. Beyond it, a new one evicts the oldest of the source that has most, which is
   * least likely to complete.
   */
  readonly pending: number;
}

/** Options of {@linkcode Ingress}. */
export interface IngressOptions extends System {
  /** Makes a listener accept connections to any address. */
  readonly makeTransparent: (listener: Listener) => void;
  /** Returns the current limits. */
  readonly limits: () => IngressLimits;
  /** Handles an arrival, which it owns; settles when the connection has ended, and must not reject. */
  readonly handle: (arrival: Arrival | RelayArrival) => Promise<void>;
  /** Called for each refused connection, with the fields of its log line. */
  readonly refused: (fields: LogFields) => void;
  /** Gets a line if accepting fails. */
  readonly log: Log;
  /** The workers that share the listeners. */
  readonly group: WorkerGroup;
  /** True if a process that is about to end may still listen there. Default: false. */
  readonly replace?: boolean;
}

/** The listeners of a client handler: accepts connections, and determines the destination of each. */
export class Ingress {
  /** Addresses of the listeners, with the ports that the system chose for port 0. */
  readonly addresses: readonly Address[];
  #protocols: readonly IngressProtocol[];
  readonly #options: IngressOptions;
  readonly #listeners: readonly Listener[];
  readonly #accepting: Promise<unknown>;
  readonly #dialogues: AdmissionQueue<Dialogue>;
  readonly #arrivals = new List<Promise<void>>();
  #stopped = false;

  /**
   * Starts to listen.
   *
   * @throws {StartError} If it can't listen at an address; leaves nothing open.
   */
  constructor(protocols: readonly IngressProtocol[], options: IngressOptions) {
    const { network, log, clock, group, replace = false } = this.#options = options;
    this.#dialogues = new AdmissionQueue(() => ({ total: options.limits().pending, perSource: Infinity }));
    this.#protocols = protocols;
    const addresses = protocols.map(({ listen }) => listen);
    this.#listeners = listenShared(network, addresses, group.index === 0 && !replace);
    try {
      this.#listeners.forEach((listener, index) => {
        if (protocols[index]!.transparent) options.makeTransparent(listener);
      });
    } catch (cause) {
      for (const listener of this.#listeners) listener.close();
      throw new StartError(cause instanceof Error ? cause.message : String(cause), { cause });
    }
    this.addresses = this.#listeners.map(({ address }) => address);
    this.#accepting = Promise.all(this.#listeners.map((listener, index) => {
      return acceptAll(listener, (connection) => this.#accept(this.#protocols[index]!, connection), { log, clock });
    }));
  }

  /** Number of connections that are arriving or being handled. */
  get size(): number {
    return this.#arrivals.size;
  }

  /** Addresses of one protocol's listeners, in the configuration's order. */
  at(name: IngressProtocol["name"]): Address[] {
    return this.addresses.filter((_, index) => this.#protocols[index]!.name === name);
  }

  /**
   * Replaces the protocols at the same addresses; listeners stay as they are.
   *
   * @returns Names of the protocols whose set of addresses differs, which takes effect only after a restart.
   */
  replace(protocols: readonly IngressProtocol[]): string[] {
    const left = [...protocols];
    const changed = new Set<string>();
    this.#protocols = this.#protocols.map((protocol) => {
      const index = left.findIndex((other) => keyOf(other) === keyOf(protocol));
      if (index >= 0) return left.splice(index, 1)[0]!;
      changed.add(protocol.name);
      return protocol;
    });
    for (const { name } of left) changed.add(name);
    return [...changed];
  }

  /** Accepts no more connections; those under way go on. */
  stopListening(): void {
    this.#stopped = true;
    for (const listener of this.#listeners) {
      if (listener.hold?.()) this.#options.clock.after(DRAIN_TIME, () => listener.close());
      else listener.close();
    }
  }

  /** Resolves when no connection is under way; after {@linkcode Ingress.stopListening}, when all listeners are closed. */
  async idle(): Promise<void> {
    if (this.#stopped) await this.#accepting;
    await Promise.all(this.#arrivals);
  }

  /** Stops listening, and resets connections that have not arrived. */
  async close(): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    await this.#accepting;
    for (const { connection } of [...this.#dialogues]) connection.reset();
  }

  #accept(protocol: IngressProtocol, connection: Connection): void {
    const { handle, limits } = this.#options;
    connection.keepAlive?.(limits().keepalive);
    const carry = (arrival: Arrival | RelayArrival | null) => arrival === null ? Promise.resolve() : handle(arrival);
    // A chain, not an async function: the dialogue must not stay in memory while the connection is carried.
    const handled = "arrive" in protocol
      ? carry(this.#arrive(protocol, connection))
      : this.#negotiate(protocol, connection).then(carry);
    const over = handled.then(() => void this.#arrivals.remove(place)), place = this.#arrivals.add(over);
  }

  /** Determines a connection's destination. @returns Null after refusing the connection. */
  #arrive(protocol: ImplicitIngress, connection: Connection): Arrival | null {
    try {
      return protocol.arrive(connection);
    } catch (error) {
      this.#refuse(protocol, connection, error);
      connection.reset();
      return null;
    }
  }

  /** Determines a connection's destination. @returns null after refusing the connection. */
  async #negotiate(protocol: DialogueIngress, connection: Connection): Promise<Arrival | RelayArrival | null> {
    const { clock, limits } = this.#options;
    const dialogue = new Dialogue(connection, clock, limits().timeout);
    const evicted = this.#dialogues.add(dialogue);
    if (evicted !== null) {
      this.#dialogues.remove(evicted);
      evicted.connection.reset();
    }
    try {
      return await protocol.negotiate(dialogue);
    } catch (error) {
      this.#refuse(protocol, connection, error);
      if (error instanceof IngressError && error.reply !== undefined) await dialogue.end(error.reply);
      else connection.reset();
      return null;
    } finally {
      dialogue.stopTimer();
      this.#dialogues.remove(dialogue);
    }
  }

  #refuse({ name }: IngressProtocol, { remote }: Connection, error: unknown): void {
    this.#options.refused({ ingress: name, from: formatAddress(remote), reason: reasonOf(error) });
  }
}

function keyOf({ name, listen }: IngressProtocol): string {
  return `${name} ${formatAddress(listen)}`;
}
