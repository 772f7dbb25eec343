import type { Forward } from "../../config/types.ts";
import type { DatagramCounts } from "../../datagrams/counts.ts";
import { MAX_PACKET } from "../../datagrams/payload_limit.ts";
import type { Address } from "../../net/address.ts";
import { DatagramBatch, type DatagramSocket } from "../../net/datagram.ts";
import { DatagramWriter } from "../../net/datagram_writer.ts";
import { addressAt, type Endpoint, ENDPOINT_WORDS } from "../../net/endpoint.ts";
import { EndpointMap } from "../../net/endpoint_map.ts";
import type { Flow, FlowOpener } from "./flow_origin.ts";

/** Datagrams that arrive in one call at most. */
const CAPACITY = 64;

/** Options of a way in for datagrams. */
export interface DatagramWayOptions {
  /** Carries flows. */
  readonly flows: FlowOpener;
  /** Counts datagrams that are dropped. */
  readonly counts: DatagramCounts;
}

/** A way in for datagrams that leads to a fixed port of a fixed server: a flow for each application's address. */
export class UdpForward {
  readonly #socket: DatagramSocket;
  readonly #destination: Address;
  readonly #options: DatagramWayOptions;
  readonly #writer: DatagramWriter;
  readonly #flows = new EndpointMap<Flow>();

  /** Serves a forward of the configuration at a socket, which it owns. */
  constructor({ server, port }: Forward, socket: DatagramSocket, options: DatagramWayOptions) {
    this.#socket = socket;
    this.#destination = { host: server, port };
    this.#options = options;
    this.#writer = new DatagramWriter(socket, MAX_PACKET, options.counts);
  }

  /** The address where it listens. */
  get address(): Address {
    return this.#socket.address;
  }

  /** Takes datagrams until it is closed. */
  async run(): Promise<void> {
    const batch = new DatagramBatch(CAPACITY, MAX_PACKET), socket = this.#socket, { flows, counts } = this.#options;
    for (let count = await socket.receive(batch); count > 0; count = await socket.receive(batch)) {
      for (let index = 0; index < count; index++) {
        if (batch.isCut(index)) {
          counts.tooLarge++;
          flows.cut({ ingress: "udp-forward", source: batch.remote(index) }, batch.size);
        } else this.#flow(batch, index * ENDPOINT_WORDS).send(batch.bytes(index), batch.classes[index]!);
      }
    }
  }

  /** Stops listening. */
  close(): void {
    this.#socket.close();
  }

  /** The flow of the application whose address is at word `at`. */
  #flow({ remotes, locals }: DatagramBatch, at: number): Flow {
    const known = this.#flows.get(remotes, at);
    if (known !== undefined) return known;
    const remote: Endpoint = remotes.slice(at, at + ENDPOINT_WORDS),
      local: Endpoint = locals.slice(at, at + ENDPOINT_WORDS);
    const flow = this.#options.flows.open({
      ingress: "udp-forward",
      source: addressAt(remote),
      destination: this.#destination,
      answer: (payload, trafficClass) => void this.#writer.add(remote, local, [payload], trafficClass),
      ended: () => this.#flows.delete(remote, 0),
    });
    this.#flows.set(remote, 0, flow);
    return flow;
  }
}
