/** A network that enforces the contract of `Connection`: a buffer belongs to the operation that it was passed to. */
import type { Address } from "../../../src/net/address.ts";
import type { Connection, Listener, Network } from "../../../src/net/connection.ts";
import type { Random } from "../random/random.ts";

const POISON = 0xa5;

/**
 * Delays every read and write over another network, and checks, when it settles, that nothing else has used its buffer
 * meanwhile. Fills a read's buffer with poison until the read settles.
 */
export class JealousNetwork implements Network {
  /** Violations found so far. */
  readonly violations: string[] = [];
  readonly #network: Network;
  readonly #random: Random;
  readonly #writing = new Set<Uint8Array>();
  readonly #reading = new Set<Uint8Array>();

  constructor(network: Network, random: Random) {
    this.#network = network;
    this.#random = random;
  }

  async connect(to: Address, signal?: AbortSignal): Promise<Connection> {
    return this.#wrap(await this.#network.connect(to, signal));
  }

  listen(at: Address): Listener {
    const listener = this.#network.listen(at);
    return {
      address: listener.address,
      accept: async () => {
        const connection = await listener.accept();
        return connection && this.#wrap(connection);
      },
      close: () => listener.close(),
    };
  }

  #wrap(connection: Connection): Connection {
    return {
      local: connection.local,
      remote: connection.remote,
      read: (into) => this.#read(connection, into),
      write: (bytes) => this.#write(connection, bytes),
      closeWrite: () => connection.closeWrite(),
      close: () => connection.close(),
      reset: () => connection.reset(),
    };
  }

  async #read(connection: Connection, into: Uint8Array): Promise<number | null> {
    for (const other of [...this.#reading, ...this.#writing]) {
      if (overlap(other, into)) this.violations.push("a read into a buffer that another operation has");
    }
    this.#reading.add(into);
    into.fill(POISON);
    const own = new Uint8Array(into.length);
    try {
      const length = await connection.read(own);
      await this.#while();
      if (into.some((byte) => byte !== POISON)) this.violations.push("a buffer changed while it was read into");
      if (length !== null) into.set(own.subarray(0, length));
      return length;
    } finally {
      this.#reading.delete(into);
    }
  }

  async #write(connection: Connection, bytes: Uint8Array): Promise<number> {
    for (const other of this.#reading) {
      if (overlap(other, bytes)) this.violations.push("a write of a buffer that is being read into");
    }
    // Compares by view, since one array may be written on several connections.
    const own = bytes.slice();
    this.#writing.add(bytes);
    try {
      await this.#while();
      const written = await connection.write(own);
      await this.#while();
      if (own.some((byte, at) => byte !== bytes[at])) this.violations.push("a buffer changed while it was written");
      return written;
    } finally {
      this.#writing.delete(bytes);
    }
  }

  async #while(): Promise<void> {
    for (let turns = this.#random.below(12); turns > 0; turns--) await Promise.resolve();
  }
}

function overlap(a: Uint8Array, b: Uint8Array): boolean {
  return a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.length && b.byteOffset < a.byteOffset + a.length;
}
