import type { Address } from "../address.ts";
import type { Connection, Listener } from "../connection.ts";

/** Result of one listener's accept. */
interface Accepted {
  /** The listener. */
  readonly index: number;
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

  /** Becomes the owner of at least one listener; the address is the first one's. */
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
    const accepting = this.listeners.map((listener, index) =>
      this.#accepting[index] ??= listener.accept().then(
        (connection) => ({ index, connection }),
        (failure) => ({ index, connection: null, failure }),
      )
    );
    const accepted = await Promise.race(accepting);
    this.#accepting[accepted.index] = undefined;
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
    // A connection that was accepted while `accept` returned another one has no owner: reset it.
    for (const [index, accepting] of this.#accepting.entries()) {
      accepting?.then(({ connection }) => {
        if (this.#accepting[index] === accepting) connection?.reset();
      });
    }
  }
}
