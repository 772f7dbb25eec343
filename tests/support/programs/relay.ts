import type { Address } from "../../../src/net/address.ts";
import { type Connection, writeAll } from "../../../src/net/connection.ts";
import { systemNetwork } from "../../../src/net/system/tcp.ts";

/** Relays connections to another address until it cuts them: a network that fails on demand. */
export class Relay implements Disposable {
  readonly #listener;
  readonly #to: Address;
  readonly #connections = new Set<Connection>();
  #carried = 0;
  #onCarried = (): unknown => undefined;

  /**
   * Starts to listen.
   *
   * @param at Listening address; the port may be 0.
   * @param to Destination.
   */
  constructor(at: Address, to: Address) {
    this.#listener = systemNetwork.listen(at);
    this.#to = to;
    this.#acceptAll();
  }

  /** Its listening address. */
  get address(): Address {
    return this.#listener.address;
  }

  /** Resolves once it has relayed `bytes`, both directions together. */
  carries(bytes: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onCarried = () => this.#carried >= bytes && resolve();
    this.#onCarried();
    return promise;
  }

  /** Ends all connections: with a reset, or in order, as a host does that shuts down. */
  cut(how: "reset" | "close"): void {
    for (const connection of this.#connections) connection[how]();
    this.#connections.clear();
  }

  /** Resets all connections and stops listening. */
  [Symbol.dispose](): void {
    this.#listener.close();
    this.cut("reset");
  }

  async #acceptAll(): Promise<void> {
    for (let near = await this.#listener.accept(); near !== null; near = await this.#listener.accept()) {
      this.#connections.add(near);
      this.#join(near).catch(() => near.reset());
    }
  }

  async #join(near: Connection): Promise<void> {
    const far = await systemNetwork.connect(this.#to);
    this.#connections.add(far);
    try {
      await Promise.all([this.#pass(near, far), this.#pass(far, near)]);
    } catch {
      for (const end of [near, far]) end.reset();
    }
  }

  async #pass(from: Connection, to: Connection): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
      await writeAll(to, buffer.subarray(0, count));
      this.#carried += count;
      this.#onCarried();
    }
    await to.closeWrite();
  }
}
