/** Programs that generate load of datagrams: a target that echoes, and applications, each at an address of its own. */
import type { Address } from "../../src/net/address.ts";
import { DatagramBatch, type DatagramSocket } from "../../src/net/datagram.ts";
import { copyEndpoint, type Endpoint, ENDPOINT_WORDS, endpointOf } from "../../src/net/endpoint.ts";
import { systemDatagrams } from "../../src/net/system/datagrams.ts";

/** Datagrams of a call. */
const BATCH = 64;

/** Longest datagram, in bytes. */
const SIZE = 2048;

/** Sends each datagram back to where it came from. */
export class DatagramEcho implements Disposable {
  readonly #socket: DatagramSocket = systemDatagrams.bind({ host: "127.0.0.1", port: 0 });

  constructor() {
    void this.#echo();
  }

  /** Its address. */
  get address(): Address {
    return this.#socket.address;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  async #echo(): Promise<void> {
    const batch = new DatagramBatch(BATCH, SIZE), socket = this.#socket;
    for (let count = await socket.receive(batch); count > 0; count = await socket.receive(batch)) {
      socket.send(batch, count);
    }
  }
}

/** Applications that send to a forward of datagrams from one socket, each from an address of its own. */
export class DatagramApplications implements Disposable {
  /** Numbers of datagrams sent and received. */
  sent = 0;
  received = 0;
  readonly #socket: DatagramSocket = systemDatagrams.bind({ host: "0.0.0.0", port: 0 });
  readonly #hosts: readonly Endpoint[];
  readonly #forward: Endpoint;
  readonly #out = new DatagramBatch(BATCH, SIZE);
  readonly #answered: Uint32Array<ArrayBuffer>;

  /** @param count Number of applications, at most 60,000. */
  constructor(count: number, forward: Address) {
    this.#forward = endpointOf(forward);
    this.#hosts = Array.from({ length: count }, (_, index) => {
      return endpointOf({ host: `127.${16 + (index >> 16)}.${index >> 8 & 255}.${index & 255}`, port: 0 });
    });
    this.#answered = new Uint32Array(count);
    void this.#receive();
  }

  /** Those that have got fewer than two answers, of all or of some. */
  unanswered(some: Iterable<number> = this.#answered.keys()): number[] {
    return [...some].filter((index) => this.#answered[index]! < 2);
  }

  /** Sends a datagram of each of some applications, at most 64. @param length In bytes. */
  send(indexes: readonly number[], length: number): void {
    const batch = this.#out;
    for (const [at, index] of indexes.entries()) {
      batch.slot(at).fill(index, 0, length);
      batch.lengths[at] = length;
      copyEndpoint(this.#forward, 0, batch.remotes, at * ENDPOINT_WORDS);
      copyEndpoint(this.#hosts[index]!, 0, batch.locals, at * ENDPOINT_WORDS);
    }
    this.sent += this.#socket.send(batch, indexes.length);
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  async #receive(): Promise<void> {
    const batch = new DatagramBatch(BATCH, SIZE), socket = this.#socket;
    for (let count = await socket.receive(batch); count > 0; count = await socket.receive(batch)) {
      this.received += count;
      for (let index = 0; index < count; index++) {
        const host = new Uint8Array(batch.locals.buffer, 4 * index * ENDPOINT_WORDS, 16);
        this.#answered[(host[13]! - 16) << 16 | host[14]! << 8 | host[15]!]!++;
      }
    }
  }
}
