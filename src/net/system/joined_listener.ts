import type { Address } from "../address.ts";
import type { Connection, Listener } from "../connection.ts";

/** What one of the listeners came to. */
interface Accepted {
  readonly at: number;
  readonly connection: Connection | null;
  readonly failure?: unknown;
}

/** Several listeners as one. */
export class JoinedListener implements Listener {
  readonly address: Address;
  /** Its parts. */
  readonly listeners: readonly Listener[];
  readonly #accepting: (Promise<Accepted> | undefined)[];
  #closed = false;

  /** Takes listeners over, at least one; the first one's address is that of all. */
  constructor(listeners: readonly Listener[]) {
    this.listeners = listeners;
    this.address = listeners[0]!.address;
    this.#accepting = listeners.map(() => undefined);
  }

  get protocols(): readonly number[] {
    return this.listeners.flatMap(({ protocols = [] }) => protocols);
  }

  async accept(): Promise<Connection | null> {
    if (this.#closed) return null;
    const accepting = this.listeners.map((listener, at) =>
      this.#accepting[at] ??= listener.accept().then(
        (connection) => ({ at, connection }),
        (failure) => ({ at, connection: null, failure }),
      )
    );
    const accepted = await Promise.race(accepting);
    this.#accepting[accepted.at] = undefined;
    if ("failure" in accepted) throw accepted.failure;
    return accepted.connection;
  }

  hold(): boolean {
    return this.listeners.every((listener) => listener.hold?.() ?? false);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const listener of this.listeners) listener.close();
    // A connection that only came to be while another one was accepted has no taker any more.
    for (const [at, accepting] of this.#accepting.entries()) {
      accepting?.then(({ connection }) => {
        if (this.#accepting[at] === accepting) connection?.reset();
      });
    }
  }
}
