/** An application, played by the test, that talks to an ingress over an in-memory network. */
import type { Arrival, IngressProtocol, RelayArrival } from "../../../src/client/ingress/arrival.ts";
import { Ingress } from "../../../src/client/ingress/ingress.ts";
import type { Address } from "../../../src/net/address.ts";
import { type Connection, writeAll } from "../../../src/net/connection.ts";
import { silentLog } from "../../../src/log/log.ts";
import { single } from "../../../src/workers/worker_group.ts";
import { FakeClock } from "../time/fake_clock.ts";
import { MemoryNetwork, type MemoryNetworkOptions } from "../network/memory_network.ts";

/** The ingress's address. */
export const LISTEN: Address = { host: "127.0.0.1", port: 1080 };

/** An application's connection to an ingress. */
export interface Talk extends AsyncDisposable {
  readonly application: Connection;
  readonly network: MemoryNetwork;
  readonly clock: FakeClock;
  readonly ingress: Ingress;
  /** Arrivals so far, which nothing handles. */
  readonly arrivals: Arrival[];
  /** The next arrival. */
  arrival(): Promise<Arrival>;
}

/** Starts an ingress and connects to it. @param relay Takes arrivals for relays. */
export async function startTalk(
  protocol: IngressProtocol,
  options: MemoryNetworkOptions = {},
  timeout = 5000,
  relay: (arrival: RelayArrival) => Promise<void> = ({ refused }) => refused(new Error("no relays")),
): Promise<Talk> {
  const network = new MemoryNetwork(options);
  const clock = new FakeClock();
  const arrivals: Arrival[] = [];
  const waiting: ((arrival: Arrival) => void)[] = [];
  const ingress = new Ingress([protocol], {
    ...{ network, clock, log: silentLog, group: single() },
    limits: () => ({ timeout, keepalive: 60_000, pending: 1024 }),
    makeTransparent: () => {},
    refused: () => {},
    handle(arrival) {
      if ("relayed" in arrival) return relay(arrival);
      arrivals.push(arrival);
      waiting.shift()?.(arrival);
      return Promise.resolve();
    },
  });
  const application = await network.connect(protocol.listen);
  let taken = 0;
  return {
    ...{ application, network, clock, ingress, arrivals },
    arrival() {
      const next = arrivals[taken++];
      return next === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(next);
    },
    async [Symbol.asyncDispose]() {
      application.close();
      for (const { connection } of arrivals) connection.close();
      await ingress.close();
      await ingress.idle();
    },
  };
}

/** Writes bytes one at a time, each in its own write. */
export async function writeByteByByte(connection: Connection, bytes: Uint8Array): Promise<void> {
  for (const byte of bytes) await writeAll(connection, Uint8Array.of(byte));
}

/** Reads the bytes sent so far, at least one. */
export async function readSome(connection: Connection): Promise<Uint8Array> {
  const buffer = new Uint8Array(4096);
  const length = await connection.read(buffer);
  return buffer.slice(0, length ?? 0);
}

/** Encodes a text with one byte per character. */
export function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
