import type { Address } from "../../../src/net/address.ts";
import { type Connection, writeAll } from "../../../src/net/connection.ts";
import { systemNetwork } from "../../../src/net/system/tcp.ts";

/** Relays connections to another address until it cuts them: a network that fails on demand. */
export class Relay implements Disposable {
  /** False to reset further connections: a path that does not come back. */
  admits = true;
  readonly #listener;
  readonly #to: Address;
  /** Connections to the destination, by those that they belong to; null while they are made. */
  readonly #connections = new Map<Connection, Connection | null>();
  /** Ends yet to be ended of what was cut, by timer. */
  readonly #cuts = new Map<ReturnType<typeof setTimeout>, (Connection | null)[]>();
  /** Changes a piece in place before it is passed on. */
  change: (piece: Uint8Array) => void = () => {};
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

  /** Resolves once it has relayed `bytes` more, both directions together. */
  carries(bytes: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>(), end = this.#carried + bytes;
    this.#onCarried = () => this.#carried >= end && resolve();
    this.#onCarried();
    return promise;
  }

  /**
   * Ends all connections: with a reset, or in order, as a host does that shuts down.
   *
   * @param lead Time by which the connecting side's ends come first, in milliseconds: a side that hears of a cut answers on
   * its working channels, and the answer can arrive before the other side hears of the cut itself.
   */
  cut(how: "reset" | "close", lead = 0): void {
    const far = [...this.#connections.values()];
    for (const near of this.#connections.keys()) near[how]();
    this.#connections.clear();
    const endFar = (): void => far.forEach((connection) => connection?.[how]());
    if (lead === 0) return endFar();
    const timer = setTimeout(() => {
      this.#cuts.delete(timer);
      endFar();
    }, lead);
    this.#cuts.set(timer, far);
  }

  /** Resets all connections and stops listening. */
  [Symbol.dispose](): void {
    this.#listener.close();
    for (const timer of this.#cuts.keys()) clearTimeout(timer);
    for (const connection of [...this.#connections, ...this.#cuts.values()].flat()) connection?.reset();
  }

  async #acceptAll(): Promise<void> {
    for (let near = await this.#listener.accept(); near !== null; near = await this.#listener.accept()) {
      if (!this.admits) {
        near.reset();
        continue;
      }
      this.#connections.set(near, null);
      this.#join(near).catch(() => near.reset());
    }
  }

  async #join(near: Connection): Promise<void> {
    const far = await systemNetwork.connect(this.#to);
    if (!this.#connections.has(near)) return far.reset();
    this.#connections.set(near, far);
    try {
      await Promise.all([this.#pass(near, far), this.#pass(far, near)]);
    } catch {
      // Those of a cut connection end when the cut says.
      if (this.#connections.delete(near)) { for (const end of [near, far]) end.reset(); }
    }
  }

  async #pass(from: Connection, to: Connection): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
      this.change(buffer.subarray(0, count));
      await writeAll(to, buffer.subarray(0, count));
      this.#carried += count;
      this.#onCarried();
    }
    await to.closeWrite();
  }
}
