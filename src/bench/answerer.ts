import { acceptAll } from "../net/accept_loop.ts";
import type { Address } from "../net/address.ts";
import type { Clock } from "../net/clock.ts";
import { type Connection, type Listener, type Network, readFull, writeAll } from "../net/connection.ts";
import { listenAll } from "../net/listen.ts";
import { BLOCK, countArriving } from "./counting.ts";
import { decodeRequest, encodeCount, REQUEST_LENGTH } from "./protocol.ts";

/** Connections at once: more than one measurement makes, and few enough to be no burden. */
const MOST_CONNECTIONS = 16;

/** How long a connection may take beyond what it asked for, in milliseconds. */
const GRACE = 30_000;

/** Answers measurements: sends back, counts or sends, as each connection asks. Who asks anything else is sent away. */
export class Answerer {
  /** Where it listens; real ports where 0 was asked for. */
  readonly addresses: readonly Address[];
  /** How many measurements it has begun. */
  answered = 0;
  readonly #clock: Clock;
  readonly #listeners: readonly Listener[];
  readonly #accepting: Promise<unknown>;
  readonly #serving = new Map<Connection, Promise<void>>();

  /**
   * Starts to listen.
   *
   * @throws {StartError} When an address can't be listened at; nothing is left open then.
   */
  constructor(network: Network, clock: Clock, at: readonly Address[]) {
    this.#clock = clock;
    this.#listeners = listenAll(network, at);
    this.addresses = this.#listeners.map(({ address }) => address);
    const take = (connection: Connection): void => this.#take(connection);
    this.#accepting = Promise.all(this.#listeners.map((listener) => acceptAll(listener, take)));
  }

  /** Stops listening, aborts what is under way, and waits until all is closed. */
  async close(): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    await this.#accepting;
    for (const connection of this.#serving.keys()) connection.reset();
    await Promise.all(this.#serving.values());
  }

  #take(connection: Connection): void {
    if (this.#serving.size >= MOST_CONNECTIONS) return connection.reset();
    const serving = this.#serve(connection).finally(() => this.#serving.delete(connection));
    this.#serving.set(connection, serving);
  }

  async #serve(connection: Connection): Promise<void> {
    let forget = this.#clock.after(GRACE, () => connection.reset());
    try {
      const bytes = new Uint8Array(REQUEST_LENGTH);
      await readFull(connection, bytes);
      const request = decodeRequest(bytes);
      if (request === null) return;
      forget();
      forget = this.#clock.after(request.ramp + request.window + GRACE, () => connection.reset());
      this.answered++;
      await writeAll(connection, bytes);
      if (request.mode === "echo") await echo(connection);
      else if (request.mode === "down") await pour(connection);
      else {
        await writeAll(connection, encodeCount(await countArriving(connection, request, this.#clock)));
        await drain(connection);
      }
    } catch {
      // Who measures breaks off when it has seen enough.
    } finally {
      forget();
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

/** Writes until the other side ends it. */
async function pour(connection: Connection): Promise<never> {
  const block = new Uint8Array(BLOCK);
  for (;;) await writeAll(connection, block);
}

/** Takes what is still on its way: closing above it would take the count back. */
async function drain(connection: Connection): Promise<void> {
  const buffer = new Uint8Array(BLOCK);
  while (await connection.read(buffer) !== null);
}
