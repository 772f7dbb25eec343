import { acceptAll } from "../net/listen/accept_loop.ts";
import type { Address } from "../net/address.ts";
import { type Connection, type Listener, type Network, writeAll } from "../net/connection.ts";
import { listenAll } from "../net/listen/listen.ts";
import { Tape } from "./tape.ts";

const BUFFER = 256 * 1024;

/** The first bytes of one connection, both ways. */
export interface Recording {
  /** From the client handler to the server handler. */
  readonly up: Tape;
  /** From the server handler to the client handler. */
  readonly down: Tape;
}

/** A wiretap: forwards connections, and records their first bytes. Unless it is told to, it changes nothing. */
export class Tap {
  /** Listening address. */
  readonly address: Address;
  /** One for each connection, in order of arrival. */
  readonly recordings: Recording[] = [];
  /** Changes bytes on their way down, in place, after they were recorded. */
  alter: (bytes: Uint8Array) => void = () => {};
  /** Bytes upward, over all connections. */
  up = 0;
  /** Bytes downward, over all connections. */
  down = 0;
  readonly #network: Network;
  readonly #to: Address;
  readonly #limit: number;
  readonly #listener: Listener;
  readonly #accepting: Promise<void>;
  readonly #connections = new Set<Connection>();
  readonly #passing = new Set<Promise<void>>();

  /**
   * Starts to listen.
   *
   * @param to Destination of the connections.
   * @param limit Bytes to keep per direction of each connection.
   * @throws {StartError} If it can't listen.
   */
  constructor(network: Network, at: Address, to: Address, limit: number) {
    this.#network = network;
    this.#to = to;
    this.#limit = limit;
    [this.#listener] = listenAll(network, [at]) as [Listener];
    this.address = this.#listener.address;
    this.#accepting = acceptAll(this.#listener, (near) => {
      const passing = this.#pass(near).finally(() => this.#passing.delete(passing));
      this.#passing.add(passing);
    });
  }

  /** Aborts the connections; later ones pass. */
  cut(): void {
    for (const connection of this.#connections) connection.reset();
  }

  /** Stops listening, aborts open connections, and waits until all are closed. */
  async close(): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    this.cut();
    await Promise.all(this.#passing);
  }

  async #pass(near: Connection): Promise<void> {
    const ends = [near];
    this.#connections.add(near);
    try {
      const far = await this.#network.connect(this.#to);
      ends.push(far);
      this.#connections.add(far);
      const recording = { up: new Tape(this.#limit), down: new Tape(this.#limit) };
      this.recordings.push(recording);
      await Promise.all([
        copy(near, far, (bytes) => {
          this.up += bytes.length;
          recording.up.add(bytes);
        }),
        copy(far, near, (bytes) => {
          this.down += bytes.length;
          recording.down.add(bytes);
          this.alter(bytes);
        }),
      ]);
      for (const end of ends) end.close();
    } catch {
      // Pass a failure of one side on to the other, without reporting it.
      for (const end of ends) end.reset();
    } finally {
      for (const end of ends) this.#connections.delete(end);
    }
  }
}

/** Forwards bytes, and the half-close at the end. */
async function copy(from: Connection, to: Connection, seen: (bytes: Uint8Array) => void): Promise<void> {
  const buffer = new Uint8Array(BUFFER);
  for (let length = await from.read(buffer); length !== null; length = await from.read(buffer)) {
    const bytes = buffer.subarray(0, length);
    seen(bytes);
    await writeAll(to, bytes);
  }
  await to.closeWrite();
}
