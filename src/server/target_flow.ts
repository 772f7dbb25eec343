import type { DatagramCounts } from "../datagrams/counts.ts";
import type { DatagramLink, FlowReceiver } from "../datagrams/link.ts";
import { MAX_PACKET, tooLargeReason } from "../datagrams/payload_limit.ts";
import type { Address } from "../net/address.ts";
import type { DatagramBatch, DatagramNetwork, DatagramSocket } from "../net/datagram.ts";
import { DatagramWriter } from "../net/datagram_writer.ts";
import { type Endpoint, ENDPOINT_WORDS, endpointOf, sameEndpointHost } from "../net/endpoint.ts";
import { isIpv4 } from "../net/ip.ts";
import { receiveAll } from "../net/receive_all.ts";
import type { Traffic } from "../session/traffic.ts";
import type { Clock } from "../time/clock.ts";

/** Room for a datagram where the paths' MTU is at most 1,500, in bytes. */
const USUAL_ROOM = 2048;

/** Options of {@linkcode TargetFlow}. */
export interface TargetFlowOptions {
  /** Makes the socket. */
  readonly network: DatagramNetwork;
  /** The target, with an IP address. */
  readonly target: Address;
  /** The association's datagrams. */
  readonly link: DatagramLink;
  /** The flow's number. */
  readonly number: number;
  /** Bytes of payloads: received from the client, and sent to it. */
  readonly traffic: Traffic;
  /** Measures silence. */
  readonly clock: Clock;
  /** Counts datagrams that are dropped. */
  readonly counts: DatagramCounts;
  /** Reports an answer of the target that is too large. */
  readonly tooLarge: (reason: string) => void;
  /** Returns the time without a datagram after which it is over, in milliseconds. */
  readonly timeout: () => number;
}

/** A flow of datagrams between a client and a target, which has a socket of its own. */
export class TargetFlow {
  readonly #options: TargetFlowOptions;
  readonly #socket: DatagramSocket;
  readonly #target: Endpoint;
  readonly #receiver: FlowReceiver;
  readonly #silent = Promise.withResolvers<void>();
  #usedAt: number;
  #cancel: () => void = () => {};

  /**
   * Begins to carry datagrams.
   *
   * @throws The system's error, if it can't open a socket.
   */
  constructor(options: TargetFlowOptions) {
    const { network, target, link, number, traffic, clock, counts } = this.#options = options;
    this.#target = endpointOf(target);
    const socket = this.#socket = network.bind(
      { host: isIpv4(target.host) ? "0.0.0.0" : "::", port: 0 },
      { outgoing: true },
    );
    this.#usedAt = clock.now();
    const writer = new DatagramWriter(socket, MAX_PACKET, counts);
    this.#receiver = (payload, trafficClass) => {
      this.#usedAt = clock.now();
      traffic.received += payload.length;
      writer.add(this.#target, null, [payload], trafficClass);
    };
    link.attach(number, this.#receiver);
    const room = link.maxPayload <= USUAL_ROOM ? USUAL_ROOM : MAX_PACKET;
    void receiveAll(socket, room, (batch, index) => this.#take(batch, index));
    this.#watch();
  }

  /** Resolves when there has been no datagram for too long. */
  get silent(): Promise<void> {
    return this.#silent.promise;
  }

  /** Ends the flow. */
  close(): void {
    this.#cancel();
    this.#options.link.detach(this.#options.number, this.#receiver);
    this.#socket.close();
  }

  #take(batch: DatagramBatch, index: number): void {
    // Anybody who reaches this machine can send to the socket.
    if (!this.#isFromTarget(batch.remotes, index * ENDPOINT_WORDS)) return;
    const { link, number, traffic, clock, counts, tooLarge } = this.#options, length = batch.lengths[index]!;
    this.#usedAt = clock.now();
    if (batch.isCut(index)) {
      counts.tooLarge++;
      tooLarge(tooLargeReason(`more than ${batch.size}`, link.maxPayload));
    } else if (link.send(number, batch.bytes(index), batch.classes[index]!)) traffic.sent += length;
    else if (length > link.maxPayload) tooLarge(tooLargeReason(length, link.maxPayload));
  }

  #isFromTarget(remotes: Uint32Array, at: number): boolean {
    return remotes[at + 4] === this.#target[4] && sameEndpointHost(remotes, at, this.#target, 0);
  }

  #watch(): void {
    const { clock, timeout } = this.#options, left = this.#usedAt + timeout() - clock.now();
    if (left <= 0) return this.#silent.resolve();
    this.#cancel = clock.after(left, () => this.#watch());
  }
}
