import type { Address } from "../../../src/net/address.ts";
import {
  type DatagramBatch,
  type DatagramNetwork,
  type DatagramOptions,
  type DatagramSocket,
  SendOutcome,
} from "../../../src/net/datagram.ts";
import { copyEndpoint, type Endpoint, ENDPOINT_WORDS, endpointOf } from "../../../src/net/endpoint.ts";
import { canonicalHost } from "../../../src/net/ip.ts";
import { Random } from "../random/random.ts";

/** A datagram on its way. */
export interface Packet {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly trafficClass: number;
}

/** Options of a {@linkcode MemoryDatagrams}, which a test may also change later. */
export interface MemoryDatagramsOptions {
  /** Seed of all that happens by chance. Default: 1. */
  seed?: number;
  /** Share of datagrams that are lost, 0 to 1. Default: 0. */
  loss?: number;
  /** Share of datagrams that arrive twice, 0 to 1. Default: 0. */
  duplication?: number;
  /** Greatest number of datagrams that may overtake one. Default: 0, so that they arrive in order. */
  reordering?: number;
  /** Longest datagram that a path carries, in bytes. Default: 65,507. */
  maxPayload?: number;
  /** Datagrams that a socket buffers; others are lost. Default: 4,096. */
  buffered?: number;
  /** Looks at each datagram before it is lost or delivered, and may replace it by others. */
  pass?: (packet: Packet) => readonly Packet[];
}

/**
 * UDP in memory. Loss, duplication and order follow from a seed, so a run can be repeated. Datagrams that wait for others to
 * overtake them are delivered when enough others have been sent, or by {@linkcode MemoryDatagrams.flush}.
 */
export class MemoryDatagrams implements DatagramNetwork {
  loss: number;
  duplication: number;
  reordering: number;
  maxPayload: number;
  buffered: number;
  pass: (packet: Packet) => readonly Packet[];
  readonly #random: Random;
  readonly #sockets = new Map<string, MemoryDatagramSocket>();
  #underWay: Packet[] = [];
  #nextPort = 49152;

  constructor(options: MemoryDatagramsOptions = {}) {
    this.#random = new Random(options.seed ?? 1);
    this.loss = options.loss ?? 0;
    this.duplication = options.duplication ?? 0;
    this.reordering = options.reordering ?? 0;
    this.maxPayload = options.maxPayload ?? 65_507;
    this.buffered = options.buffered ?? 4096;
    this.pass = options.pass ?? ((packet) => [packet]);
  }

  /** Number of sockets not yet closed. */
  get openSockets(): number {
    return this.#sockets.size;
  }

  /** @param options Not used: sockets are neither shared nor on devices. */
  bind({ host, port }: Address, _options: DatagramOptions = {}): DatagramSocket {
    const address = { host: canonicalHost(host), port: port === 0 ? this.#nextPort++ : port };
    const key = keyOf(endpointOf(address), 0);
    if (this.#sockets.has(key)) throw new Deno.errors.AddrInUse("Address already in use (os error 98)");
    const socket = new MemoryDatagramSocket(this, address, () => this.#sockets.delete(key));
    this.#sockets.set(key, socket);
    return socket;
  }

  /** Sends a datagram, from any address. */
  send(packet: Packet): void {
    for (const passed of this.pass(packet)) {
      const copies = this.#happens(this.loss) ? 0 : this.#happens(this.duplication) ? 2 : 1;
      for (let copy = 0; copy < copies; copy++) this.#underWay.push(passed);
    }
    while (this.#underWay.length > this.reordering) {
      const at = this.reordering === 0 ? 0 : this.#random.below(this.#underWay.length);
      const [packet] = this.#underWay.splice(at, 1);
      this.#deliver(packet!);
    }
  }

  /** Delivers all datagrams that wait for others. */
  flush(): void {
    for (const packet of this.#underWay.splice(0)) this.#deliver(packet);
  }

  #deliver(packet: Packet): void {
    const any = endpointOf({ host: "::", port: packet.to[4]! }),
      any4 = endpointOf({ ...any4Host, port: packet.to[4]! });
    const keys = [packet.to, any4, any].map((endpoint) => keyOf(endpoint, 0));
    const key = keys.find((key) => this.#sockets.has(key));
    if (key !== undefined) this.#sockets.get(key)!.offer(packet);
  }

  #happens(probability: number): boolean {
    return this.#random.below(1_000_000) < probability * 1_000_000;
  }
}

const any4Host = { host: "0.0.0.0" };

class MemoryDatagramSocket implements DatagramSocket {
  readonly address: Address;
  readonly hasClasses = true;
  readonly #network: MemoryDatagrams;
  readonly #endpoint: Endpoint;
  readonly #onClose: () => void;
  readonly #arrived: Packet[] = [];
  #wake: (() => void) | null = null;
  #closed = false;

  constructor(network: MemoryDatagrams, address: Address, onClose: () => void) {
    this.#network = network;
    this.address = address;
    this.#endpoint = endpointOf(address);
    this.#onClose = onClose;
  }

  send(batch: DatagramBatch, count: number): number {
    let sent = 0;
    for (let index = 0; index < count; index++) {
      const fits = batch.lengths[index]! <= this.#network.maxPayload;
      const outcome = this.#closed ? SendOutcome.Failed : fits ? SendOutcome.Sent : SendOutcome.TooLarge;
      batch.outcomes[index] = outcome;
      if (outcome !== SendOutcome.Sent) continue;
      sent++;
      const at = index * ENDPOINT_WORDS, from = this.#endpoint.slice();
      if (batch.locals.subarray(at, at + 4).some((word) => word !== 0)) from.set(batch.locals.subarray(at, at + 4));
      this.#network.send({
        from,
        to: batch.remotes.slice(at, at + ENDPOINT_WORDS),
        bytes: batch.bytes(index).slice(),
        trafficClass: batch.classes[index]!,
      });
    }
    return sent;
  }

  offer(packet: Packet): void {
    if (this.#arrived.length >= this.#network.buffered) return;
    this.#arrived.push(packet);
    this.#wake?.();
  }

  async receive(batch: DatagramBatch): Promise<number> {
    await null;
    while (!this.#closed && this.#arrived.length === 0) {
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = null;
    }
    return this.receiveNow(batch);
  }

  receiveNow(batch: DatagramBatch): number {
    if (this.#closed) return 0;
    const packets = this.#arrived.splice(0, batch.capacity);
    for (const [index, { from, to, bytes, trafficClass }] of packets.entries()) {
      const fits = bytes.length <= batch.size;
      if (fits) batch.slot(index).set(bytes);
      batch.lengths[index] = fits ? bytes.length : batch.size + 1;
      batch.classes[index] = trafficClass;
      copyEndpoint(from, 0, batch.remotes, index * ENDPOINT_WORDS);
      copyEndpoint(to, 0, batch.locals, index * ENDPOINT_WORDS);
      batch.locals[index * ENDPOINT_WORDS + 4] = 0;
    }
    return packets.length;
  }

  maxPayload(_to: Address): number {
    return this.#network.maxPayload;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose();
    this.#wake?.();
  }
}

function keyOf(words: Uint32Array, at: number): string {
  return words.subarray(at, at + ENDPOINT_WORDS - 1).join();
}
