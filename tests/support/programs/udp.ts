/** Programs with UDP sockets. */
import type { Address } from "../../../src/net/address.ts";
import { DatagramBatch, type DatagramSocket } from "../../../src/net/datagram.ts";
import { addressAt, copyEndpoint, type Endpoint, ENDPOINT_WORDS, endpointOf } from "../../../src/net/endpoint.ts";
import { systemDatagrams } from "../../../src/net/system/datagrams.ts";

/** Longest datagram of these programs, in bytes. */
const SIZE = 2048;

/** A datagram that has arrived; its bytes are valid during the call. */
type Take = (bytes: Uint8Array<ArrayBuffer>, from: Endpoint) => void;

class Program implements Disposable {
  readonly #socket: DatagramSocket;
  readonly #out = new DatagramBatch(1, SIZE);

  constructor(at: Address) {
    this.#socket = systemDatagrams.bind(at);
  }

  get address(): Address {
    return this.#socket.address;
  }

  send(bytes: Uint8Array, to: Endpoint): void {
    this.#out.slot(0).set(bytes);
    this.#out.lengths[0] = bytes.length;
    copyEndpoint(to, 0, this.#out.remotes, 0);
    this.#socket.send(this.#out, 1);
  }

  async receive(take: Take): Promise<void> {
    const batch = new DatagramBatch(64, SIZE);
    for (let count = await this.#socket.receive(batch); count > 0; count = await this.#socket.receive(batch)) {
      for (let index = 0; index < count; index++) {
        take(batch.bytes(index), batch.remotes.slice(index * ENDPOINT_WORDS, (index + 1) * ENDPOINT_WORDS));
      }
    }
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

/** Sends each datagram back. */
export class UdpEcho implements Disposable {
  readonly #program = new Program({ host: "127.0.0.1", port: 0 });
  /** Number of datagrams so far. */
  count = 0;

  constructor() {
    void this.#program.receive((bytes, from) => {
      this.count++;
      this.#program.send(bytes, from);
    });
  }

  get address(): Address {
    return this.#program.address;
  }

  [Symbol.dispose](): void {
    this.#program[Symbol.dispose]();
  }
}

/** An application that sends datagrams and counts the answers. */
export class UdpApplication implements Disposable {
  readonly #program = new Program({ host: "127.0.0.1", port: 0 });
  readonly #to: Endpoint;
  /** Number of answers. */
  answers = 0;

  constructor(to: Address) {
    this.#to = endpointOf(to);
    void this.#program.receive(() => void this.answers++);
  }

  send(length: number): void {
    this.#program.send(new Uint8Array(length), this.#to);
  }

  [Symbol.dispose](): void {
    this.#program[Symbol.dispose]();
  }
}

/** Relays datagrams to another address and back, one socket for each that sends. */
export class UdpRelay implements Disposable {
  readonly #near: Program;
  readonly #far = new Map<string, Program>();
  /** False to drop all: a path that is cut. */
  admits = true;
  /** Changes a datagram from the destination before it is passed on. */
  answer: (bytes: Uint8Array) => void = () => {};

  constructor(at: Address, to: Address) {
    this.#near = new Program(at);
    const destination = endpointOf(to);
    void this.#near.receive((bytes, from) => {
      if (!this.admits) return;
      const { host, port } = addressAt(from), key = `${host} ${port}`;
      let far = this.#far.get(key);
      if (far === undefined) {
        this.#far.set(key, far = new Program({ host: at.host, port: 0 }));
        void far.receive((answer) => {
          if (!this.admits) return;
          this.answer(answer);
          this.#near.send(answer, from);
        });
      }
      far.send(bytes, destination);
    });
  }

  [Symbol.dispose](): void {
    for (const program of [this.#near, ...this.#far.values()]) program[Symbol.dispose]();
  }
}
