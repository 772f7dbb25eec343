import type { Levels } from "../../observe/observable.ts";
import { formatAddress } from "../../net/address.ts";
import { Dialer, type DialerOptions } from "./dialer.ts";
import type { ResolvedServer } from "../servers/configured_server.ts";
import type { Arrival } from "../ingress/arrival.ts";

/** How many dialers are kept of which some carry nothing. */
const MAX_KEPT = 256;

interface Kept {
  readonly dialer: Dialer;
  /** How many connections it carries. */
  carrying: number;
}

/** A dialer for each server handler in use. One whose channels have changed is another one. */
export class Dialers {
  readonly #options: DialerOptions;
  /** By name and channels; the one used last at the end. */
  readonly #kept = new Map<string, Kept>();

  /** No dialer yet. */
  constructor(options: DialerOptions) {
    this.#options = options;
  }

  /**
   * Carries a connection to a server handler until it has ended. Owns it.
   *
   * @param port The port that the server handler is asked for.
   */
  dial(server: ResolvedServer, arrival: Arrival, port: number): Promise<void> {
    return this.#use(server, (dialer) => dialer.dial(arrival, port));
  }

  /**
   * Makes sure that an association to a server handler is possible.
   *
   * @throws {ChannelError} When none is.
   */
  verify(server: ResolvedServer): Promise<void> {
    return this.#use(server, (dialer) => dialer.verify());
  }

  /** How many associations there are, by what they are there for. */
  get pool(): Required<Levels>["pool"] {
    const pools = [...this.#kept.values()].map(({ dialer }) => dialer.pool);
    const sum = (kind: keyof Required<Levels>["pool"]) => pools.reduce((total, pool) => total + pool[kind], 0);
    return { idle: sum("idle"), busy: sum("busy"), warming: sum("warming") };
  }

  #use(server: ResolvedServer, action: (dialer: Dialer) => Promise<void>): Promise<void> {
    const key = `${server.name}=${server.channels.map(formatAddress)};${server.alternatives?.join(";") ?? ""}`;
    const kept = this.#kept.get(key) ?? { dialer: new Dialer(server, this.#options), carrying: 0 };
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    this.#prune();
    kept.carrying++;
    return action(kept.dialer).finally(() => kept.carrying--);
  }

  /** Aborts every session and handshake, and ends every idle association. */
  close(): void {
    for (const { dialer } of this.#kept.values()) dialer.close();
  }

  /** Closes the dialers that were not used for longest and carry nothing, if there are too many. */
  #prune(): void {
    let over = this.#kept.size - MAX_KEPT;
    // The last one is about to carry.
    for (const [key, { dialer, carrying }] of [...this.#kept].slice(0, -1)) {
      if (over <= 0) return;
      if (carrying > 0) continue;
      dialer.close();
      this.#kept.delete(key);
      over--;
    }
  }
}
