import { sameBytes } from "../../association/same_bytes.ts";
import { MAX_PACKET } from "../../datagrams/payload_limit.ts";
import type { Address } from "../../net/address.ts";
import type { DatagramBatch, DatagramSocket } from "../../net/datagram.ts";
import { DatagramWriter } from "../../net/datagram_writer.ts";
import { addressAt, type Endpoint, ENDPOINT_WORDS, sameEndpointHost } from "../../net/endpoint.ts";
import { receiveAll } from "../../net/receive_all.ts";
import type { SendCounts } from "../../net/send_counts.ts";
import type { Flow, FlowOpener } from "./flow_origin.ts";
import { headerDestination, type HeaderFault, headerLength, MAX_HEADER } from "./socks5_datagram.ts";

/** Flows of one application; a further one takes the place of the one that was silent longest. */
export const MAX_FLOWS = 256;

/**
 * Longest datagram from or to an application, in bytes. A longer one that arrives cut to this, without a sign of it as on
 * systems without native help, still has more payload than a link takes, whatever the length of its header.
 */
const SIZE = MAX_HEADER + MAX_PACKET;

/** Word of an endpoint that is its port. */
const PORT = 4;

/** Reasons to drop a datagram: as its header says, it is too long, or it comes from elsewhere than the application. */
export type RelayFault = HeaderFault | "tooLarge" | "stranger";

/** Options of {@linkcode Socks5Relay}. */
export interface Socks5RelayOptions {
  /** Carries the datagrams. */
  readonly flows: FlowOpener;
  /** Counts datagrams that are dropped. */
  readonly counts: Record<RelayFault, number> & SendCounts;
}

/** A flow, by the header of its datagrams. */
interface RelayedFlow {
  /** As the application writes it, and as its answers have it. */
  readonly header: Uint8Array;
  readonly flow: Flow;
}

/**
 * A UDP relay of one application (RFC 1928, section 7): a flow for each destination that it sends to. Nothing but datagrams
 * from the application's address counts.
 */
export class Socks5Relay {
  readonly #socket: DatagramSocket;
  readonly #writer: DatagramWriter;
  readonly #application: Endpoint;
  readonly #user: string | undefined;
  readonly #options: Socks5RelayOptions;
  /** By header, the one silent longest first. */
  readonly #flows = new Map<string, RelayedFlow>();
  /** That of the latest datagram. */
  #latest: RelayedFlow | null = null;
  #isClosed = false;

  /**
   * Creates a relay that has to be {@linkcode Socks5Relay.run | run}.
   *
   * @param socket Owned.
   * @param application Address that the application sends from; port 0 for that of its first datagram. Owned.
   * @param user The user, where the application proved to be one.
   */
  constructor(socket: DatagramSocket, application: Endpoint, user: string | undefined, options: Socks5RelayOptions) {
    this.#socket = socket;
    this.#writer = new DatagramWriter(socket, SIZE, options.counts);
    this.#application = application;
    this.#user = user;
    this.#options = options;
  }

  /** Relays until the end. */
  async run(): Promise<void> {
    await receiveAll(this.#socket, SIZE, (batch, index) => {
      const fault = this.#isClosed ? null : this.#relay(batch, index);
      if (fault !== null) this.#options.counts[fault]++;
    });
  }

  /** Ends it and its flows. */
  close(): void {
    // Datagrams may have been received already.
    this.#isClosed = true;
    this.#socket.close();
    for (const { flow } of [...this.#flows.values()]) flow.close();
    this.#flows.clear();
    this.#latest = null;
  }

  /** @returns The reason why the datagram is dropped, or null. */
  #relay(batch: DatagramBatch, index: number): RelayFault | null {
    const application = this.#application, port = application[PORT]!, { remotes } = batch, at = index * ENDPOINT_WORDS;
    const isApplication = sameEndpointHost(remotes, at, application, 0) && (port === 0 || remotes[at + PORT] === port);
    if (!isApplication) return "stranger";
    if (batch.isCut(index)) {
      this.#options.flows.cut({ ingress: "socks5", source: batch.remote(index) }, batch.size);
      return "tooLarge";
    }
    const datagram = batch.bytes(index), length = headerLength(datagram);
    if (typeof length === "string") return length;
    if (port === 0) application[PORT] = remotes[at + PORT]!;
    const header = datagram.subarray(0, length), latest = this.#latest;
    const relayed = latest !== null && sameBytes(latest.header, header) ? latest : this.#of(header);
    if (relayed === null) return "malformed";
    relayed.flow.send(datagram.subarray(length), batch.classes[index]!);
    return null;
  }

  /** The flow of a header, a new one if need be. @returns null if the header is invalid. */
  #of(header: Uint8Array): RelayedFlow | null {
    const key = header.toHex(), relayed = this.#flows.get(key);
    if (relayed === undefined) {
      const destination = headerDestination(header);
      return destination === null ? null : this.#open(key, header.slice(), destination);
    }
    this.#flows.delete(key);
    this.#flows.set(key, relayed);
    return this.#latest = relayed;
  }

  #open(key: string, header: Uint8Array, destination: Address): RelayedFlow {
    if (this.#flows.size >= MAX_FLOWS) this.#closeOldest();
    const flow = this.#options.flows.open({
      ingress: "socks5",
      source: addressAt(this.#application),
      destination,
      ...this.#user !== undefined && { user: this.#user },
      answer: (payload, trafficClass) =>
        void this.#writer.add(this.#application, null, [header, payload], trafficClass),
      ended: () => {
        if (this.#flows.get(key) === relayed) this.#flows.delete(key);
        if (this.#latest === relayed) this.#latest = null;
      },
    });
    const relayed: RelayedFlow = { header, flow };
    this.#flows.set(key, this.#latest = relayed);
    return relayed;
  }

  #closeOldest(): void {
    const [key, { flow }] = this.#flows.entries().next().value!;
    this.#flows.delete(key);
    flow.close();
  }
}
