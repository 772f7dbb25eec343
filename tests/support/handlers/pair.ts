/** Both ends of one association over an in-memory network. */
import "../system/native.ts";
import { Acceptor, type AcceptorOptions } from "../../../src/association/accept.ts";
import type { Association } from "../../../src/association/association.ts";
import type { Sharing } from "../../../src/association/association_options.ts";
import { initiate } from "../../../src/association/initiate.ts";
import { acceptAll } from "../../../src/net/listen/accept_loop.ts";
import type { Address } from "../../../src/net/address.ts";
import { type Connection, type Network, writeAll } from "../../../src/net/connection.ts";
import { concat } from "../../../src/wire/concat.ts";
import { FakeClock } from "../time/fake_clock.ts";
import { MemoryNetwork } from "../network/memory_network.ts";

/** The server handler's addresses in tests: 192.0.2.1, .2, ... */
export function channelAddresses(channels: number): Address[] {
  return Array.from({ length: channels }, (_, index) => ({ host: `192.0.2.${index + 1}`, port: 6522 }));
}

/** An {@linkcode Acceptor} that listens at some addresses, and its results. */
export class Accepting {
  readonly associations: Association[] = [];
  /** Reasons of connections that ended without an association. */
  readonly failures: string[] = [];
  readonly acceptor: Acceptor;
  readonly #close: () => Promise<unknown>;
  readonly #first = Promise.withResolvers<Association>();

  constructor(network: Network, addresses: readonly Address[], options: Partial<AcceptorOptions> = {}) {
    this.acceptor = new Acceptor({
      associated: (association) => {
        this.associations.push(association);
        this.#first.resolve(association);
      },
      failed: (_, reason) => this.failures.push(reason),
      ...options,
    });
    const listeners = addresses.map((address) => network.listen(address));
    const ended = Promise.all(listeners.map((one) => acceptAll(one, (connection) => this.acceptor.take(connection))));
    this.#close = () => {
      for (const listener of listeners) listener.close();
      return ended;
    };
  }

  /** The first association. */
  first(): Promise<Association> {
    return this.#first.promise;
  }

  /** Stops listening, and closes connections without an association. */
  async close(): Promise<void> {
    await this.#close();
    this.acceptor.close();
  }
}

/** Two ends of an association. */
export interface Pair {
  readonly network: MemoryNetwork;
  readonly clock: FakeClock;
  readonly client: Association;
  readonly server: Association;
}

/** Associates over `network`, then stops listening. The caller ends both ends. */
export async function associatedPair(
  channels: number,
  network = new MemoryNetwork(),
  over: Network = network,
  sharing: Pick<Sharing, "short"> = {},
): Promise<Pair> {
  const clock = new FakeClock();
  const addresses = channelAddresses(channels);
  const accepting = new Accepting(over, addresses, { clock });
  const [client, server] = await Promise.all([
    initiate(addresses, { network: over, clock, ...sharing }),
    accepting.first(),
  ]);
  await accepting.close();
  return { network, clock, client, server };
}

/**
 * Connects an application, played by the test, to a handler.
 *
 * @returns The application's end, and the handler's.
 */
export async function applicationPair(network = new MemoryNetwork()): Promise<[Connection, Connection]> {
  const listener = network.listen({ host: "127.0.0.1", port: 0 });
  const [outside, inside] = await Promise.all([network.connect(listener.address), listener.accept()]);
  listener.close();
  return [outside, inside!];
}

/** Reads until the other end half-closes. @throws The error of a read. */
export async function readAll(connection: Connection): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (;;) {
    const buffer = new Uint8Array(4096);
    const length = await connection.read(buffer);
    if (length === null) return concat(pieces);
    pieces.push(buffer.subarray(0, length));
  }
}

/** Reads until the other end half-closes or a read fails. @returns The bytes, and the error if any. */
export async function readToEnd(connection: Connection): Promise<{ bytes: Uint8Array; error: unknown }> {
  const pieces: Uint8Array[] = [];
  try {
    for (;;) {
      const buffer = new Uint8Array(4096);
      const length = await connection.read(buffer);
      if (length === null) return { bytes: concat(pieces), error: null };
      pieces.push(buffer.subarray(0, length));
    }
  } catch (error) {
    return { bytes: concat(pieces), error };
  }
}

/** Writes `bytes` and half-closes. */
export async function sendAll(connection: Connection, bytes: Uint8Array): Promise<void> {
  await writeAll(connection, bytes);
  await connection.closeWrite();
}
