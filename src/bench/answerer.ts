import { acceptAll } from "../net/listen/accept_loop.ts";
import type { Address } from "../net/address.ts";
import type { Clock } from "../time/clock.ts";
import { type Connection, type Listener, type Network, readFull, writeAll } from "../net/connection.ts";
import { listenAll } from "../net/listen/listen.ts";
import { BLOCK, countArriving } from "./counting.ts";
import { decodeRequest, encodeCount, REQUEST_LENGTH } from "./protocol.ts";

/** Maximum number of concurrent connections: more than one measurement needs, without burdening the server. */
const MAX_CONNECTIONS = 16;

/** Time that a connection may take beyond its requested duration, in milliseconds. */
const GRACE = 30_000;

/** Answers measurements: echoes, counts or sends, as each connection requests. Other requests are disconnected. */
export class Answerer {
  /** Listening addresses, with actual ports in place of 0. */
  readonly addresses: readonly Address[];
  /** Number of measurements begun. */
  answered = 0;
  readonly #clock: Clock;
  readonly #listeners: readonly Listener[];
  readonly #accepting: Promise<unknown>;
  readonly #serving = new Map<Connection, Promise<void>>();

  /**
   * Starts to listen.
   *
   * @throws {StartError} If it can't listen at an address; leaves nothing open.
   */
  constructor(network: Network, clock: Clock, at: readonly Address[]) {
    this.#clock = clock;
    this.#listeners = listenAll(network, at);
    this.addresses = this.#listeners.map(({ address }) => address);
    const take = (connection: Connection): void => this.#take(connection);
    this.#accepting = Promise.all(this.#listeners.map((listener) => acceptAll(listener, take)));
  }

  /** Stops listening, aborts open connections, and waits until all are closed. */
  async close(): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    await this.#accepting;
    for (const connection of this.#serving.keys()) connection.reset();
    await Promise.all(this.#serving.values());
  }

  #take(connection: Connection): void {
    if (this.#serving.size >= MAX_CONNECTIONS) return connection.reset();
    const serving = this.#serve(connection).finally(() => this.#serving.delete(connection));
    this.#serving.set(connection, serving);
  }

  async #serve(connection: Connection): Promise<void> {
    let cancel = this.#clock.after(GRACE, () => connection.reset());
    try {
      const bytes = new Uint8Array(REQUEST_LENGTH);
      await readFull(connection, bytes);
      const request = decodeRequest(bytes);
      if (request === null) return;
      cancel();
      cancel = this.#clock.after(request.ramp + request.window + GRACE, () => connection.reset());
      this.answered++;
      await writeAll(connection, bytes);
      if (request.mode === "echo") await echo(connection);
      else if (request.mode === "down") await pour(connection);
      else {
        await writeAll(connection, encodeCount(await countArriving(connection, request, this.#clock)));
        await drain(connection);
      }
    } catch {
      // The measuring side breaks off when it has enough.
    } finally {
      cancel();
      connection.reset();
    }
  }
}

async function echo(connection: Connection): Promise<void> {
  const buffer = new Uint8Array(4096);
  for (let length = await connection.read(buffer); length !== null; length = await connection.read(buffer)) {
    await writeAll(connection, buffer.subarray(0, length));
  }
}

/** Writes until the peer ends the flow. */
async function pour(connection: Connection): Promise<never> {
  const block = new Uint8Array(BLOCK);
  for (;;) await writeAll(connection, block);
}

/** Reads what is still in flight: closing with unread bytes would discard the count. */
async function drain(connection: Connection): Promise<void> {
  const buffer = new Uint8Array(BLOCK);
  while (await connection.read(buffer) !== null);
}
