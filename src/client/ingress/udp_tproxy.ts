import { MAX_PACKET } from "../../datagrams/payload_limit.ts";
import { reasonOf } from "../../errors/errors.ts";
import type { ThrottledWarning } from "../../log/throttled.ts";
import { type Address, formatAddress } from "../../net/address.ts";
import { DatagramBatch, type DatagramNetwork, type DatagramSocket } from "../../net/datagram.ts";
import { DatagramWriter } from "../../net/datagram_writer.ts";
import { addressAt, type Endpoint, ENDPOINT_WORDS, endpointOf } from "../../net/endpoint.ts";
import { EndpointMap } from "../../net/endpoint_map.ts";
import { isAssigned } from "../../net/own_hosts.ts";
import type { Flow } from "./flow_origin.ts";
import type { DatagramWayOptions } from "./udp_forward.ts";

/** Datagrams that arrive in one call at most. */
const CAPACITY = 64;

/** Word of an endpoint that is its scope. */
const SCOPE = 5;

/** Destinations with flows, each with a socket of its own; a further one takes the place of one that was silent longest. */
export const MAX_DESTINATIONS = 1024;

/** Options of {@linkcode UdpTproxy}. */
export interface UdpTproxyOptions extends DatagramWayOptions {
  /** Makes the sockets that answer. */
  readonly network: DatagramNetwork;
  /** This machine's addresses. */
  readonly ownHosts: () => readonly string[];
  /** Takes a datagram that is a probe of rules. @returns True if it is one. */
  readonly consumes: (source: Address, destination: Address) => boolean;
  /** Gets a line for applications that can't be answered. */
  readonly refused: ThrottledWarning;
}

/** A destination of applications. */
interface Destination {
  /** Bound to the destination's address, so that answers come from there. */
  readonly socket: DatagramSocket;
  readonly writer: DatagramWriter;
  /** By the application's address. */
  readonly flows: EndpointMap<Flow>;
  /** Number of the datagram that came last: the lowest was silent longest. */
  latest: number;
}

/**
 * A way in for datagrams that TPROXY rules hand over: a flow for each application's address and destination. Answers come
 * from the destination's address.
 *
 * Datagrams of this handler's own channels would be flows to a channel, which `Directory` refuses.
 */
export class UdpTproxy {
  readonly #socket: DatagramSocket;
  readonly #options: UdpTproxyOptions;
  readonly #destinations = new EndpointMap<Destination>();
  #received = 0;

  /** Serves a transparent listener, which it owns. */
  constructor(socket: DatagramSocket, options: UdpTproxyOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  /** The address where it listens. */
  get address(): Address {
    return this.#socket.address;
  }

  /** Number of destinations that have flows. */
  get destinations(): number {
    return this.#destinations.size;
  }

  /** Takes datagrams until it is closed. */
  async run(): Promise<void> {
    const batch = new DatagramBatch(CAPACITY, MAX_PACKET), socket = this.#socket;
    for (let count = await socket.receive(batch); count > 0; count = await socket.receive(batch)) {
      for (let index = 0; index < count; index++) this.#take(batch, index);
    }
  }

  /** Stops listening and answering. */
  close(): void {
    this.#socket.close();
    for (const { socket } of this.#destinations.values()) socket.close();
  }

  #take(batch: DatagramBatch, index: number): void {
    const { counts, flows } = this.#options, { remotes, locals } = batch, at = index * ENDPOINT_WORDS;
    if (batch.isCut(index)) {
      counts.tooLarge++;
      return flows.cut({ ingress: "udp-tproxy", source: batch.remote(index) }, batch.size);
    }
    // The number of the device that it came by.
    locals[at + SCOPE] = 0;
    const destination = this.#destinations.get(locals, at) ?? this.#open(remotes, locals, at);
    if (destination === null) return;
    destination.latest = ++this.#received;
    const flow = destination.flows.get(remotes, at) ?? this.#begin(destination, remotes, locals, at);
    flow.send(batch.bytes(index), batch.classes[index]!);
  }

  /** Opens the socket that answers from a destination. @returns null if there is to be none. */
  #open(remotes: Uint32Array, locals: Uint32Array, at: number): Destination | null {
    const { network, counts, consumes, refused } = this.#options;
    const source = addressAt(remotes, at), address = addressAt(locals, at);
    if (consumes(source, address)) return null;
    if (this.#isOwn(address)) {
      counts.stray++;
      return null;
    }
    if (this.#destinations.size >= MAX_DESTINATIONS) this.#evict();
    try {
      const socket = network.bind(address, { transparent: "source" });
      const writer = new DatagramWriter(socket, MAX_PACKET, counts);
      const destination: Destination = { socket, writer, flows: new EndpointMap(), latest: 0 };
      this.#destinations.set(locals, at, destination);
      return destination;
    } catch (error) {
      counts.noFlow++;
      refused.warn({
        ingress: "udp-tproxy",
        from: formatAddress(source),
        destination: formatAddress(address),
        reason: reasonFor(error, address),
      });
      return null;
    }
  }

  /** True for this listener's own address: the datagram was sent here, and handed over by no rule. */
  #isOwn({ host, port }: Address): boolean {
    return port === this.address.port && isAssigned(host, this.#options.ownHosts());
  }

  #begin(destination: Destination, remotes: Uint32Array, locals: Uint32Array, at: number): Flow {
    const source: Endpoint = new Uint32Array(remotes.subarray(at, at + ENDPOINT_WORDS));
    const to: Endpoint = new Uint32Array(locals.subarray(at, at + ENDPOINT_WORDS));
    const { writer, flows } = destination;
    const flow = this.#options.flows.open({
      ingress: "udp-tproxy",
      source: addressAt(source),
      destination: addressAt(to),
      answer: (payload, trafficClass) => void writer.add(source, null, [payload], trafficClass),
      ended: () => {
        if (flows.get(source, 0) !== flow) return;
        flows.delete(source, 0);
        if (flows.size === 0) this.#forget(to, destination);
      },
    });
    flows.set(source, 0, flow);
    return flow;
  }

  #evict(): void {
    let oldest: Destination | undefined;
    for (const destination of this.#destinations.values()) {
      if (oldest === undefined || destination.latest < oldest.latest) oldest = destination;
    }
    if (oldest === undefined) return;
    const { host, port } = oldest.socket.address;
    this.#forget(endpointOf({ host, port }), oldest);
    for (const flow of [...oldest.flows.values()]) flow.close();
  }

  #forget(at: Endpoint, destination: Destination): void {
    if (this.#destinations.get(at, 0) !== destination) return;
    this.#destinations.delete(at, 0);
    destination.socket.close();
  }
}

/** The reason why a socket can't answer from an address, with the remedy where it is known. */
function reasonFor(error: unknown, { port }: Address): string {
  const reason = reasonOf(error);
  if (error instanceof Deno.errors.PermissionDenied && port < 1024) {
    return `${reason}; answers from ports below 1024 need the capability CAP_NET_BIND_SERVICE`;
  }
  if (error instanceof Deno.errors.AddrInUse) {
    return `${reason}; a program of this machine listens at port ${port} of every address, let it listen at its own`;
  }
  return reason;
}
