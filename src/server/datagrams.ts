import type { Association } from "../association/association.ts";
import type { DatagramCounts } from "../datagrams/counts.ts";
import { HandleTable } from "../datagrams/handles.ts";
import { DatagramLink, type DatagramPort, type LinkChannel, MAX_PACKET } from "../datagrams/link.ts";
import { receivePackets } from "../datagrams/receiver.ts";
import type { Address } from "../net/address.ts";
import type { Connection } from "../net/connection.ts";
import type { DatagramNetwork, DatagramSocket } from "../net/datagram.ts";
import { endpointOf } from "../net/endpoint.ts";
import { canonicalHost, withoutZone } from "../net/ip.ts";
import { bindAll } from "../net/listen/bind.ts";
import { covers } from "../net/listen/listen.ts";
import { commonGuard } from "../sharing/guarded_pads.ts";
import { type PadSource, systemPads } from "../sharing/system_pads.ts";
import type { Clock } from "../time/clock.ts";

/** Options of {@linkcode ServerDatagrams}. */
export interface ServerDatagramsOptions {
  /** Makes sockets. */
  readonly network: DatagramNetwork;
  /** Addresses of the channels, each with its actual port. */
  readonly channels: readonly Address[];
  /** Source of pads. */
  readonly pads: PadSource;
  /** Measures time limits. */
  readonly clock: Clock;
  /** Counts. */
  readonly counts: DatagramCounts;
}

/** The UDP side of a server handler's channels: a socket at each channel's address, which all associations use. */
export class ServerDatagrams {
  readonly #options: ServerDatagramsOptions;
  readonly #handles = new HandleTable<LinkChannel>(systemPads);
  readonly #sockets: readonly DatagramSocket[];

  /**
   * Binds a socket to each channel's address.
   *
   * @throws {StartError} If one can't be bound; none is left then.
   */
  constructor(options: ServerDatagramsOptions) {
    const { network, channels, counts } = this.#options = options;
    this.#sockets = bindAll(network, channels);
    for (const socket of this.#sockets) {
      void receivePackets(socket, { handles: this.#handles, counts, size: MAX_PACKET });
    }
  }

  /** Makes the link of an association, which ends with it. */
  link(association: Association): DatagramLink {
    const { pads, clock, counts } = this.#options;
    const link = new DatagramLink({
      ports: association.connections.map((connection) => this.#port(connection)),
      remotes: null,
      scheme: association.scheme,
      threshold: association.threshold,
      pads: commonGuard(pads),
      clock,
      handles: this.#handles,
      counts,
      failed: (error) => association.fail(error),
    });
    association.over.then(() => link.close());
    return link;
  }

  /** Moves a channel's packets to the address where it was joined, perhaps for the first time. */
  joined(association: Association, link: DatagramLink, index: number): void {
    link.bind(index, this.#port(association.connections[index]!));
  }

  /** Closes the sockets. */
  close(): void {
    for (const socket of this.#sockets) socket.close();
  }

  /** The port of a channel by the address where its connection arrived; null if it has not joined. */
  #port({ local, remote }: Connection): DatagramPort | null {
    const host = canonicalHost(withoutZone(local.host));
    const socket = this.#sockets.find(({ address }) =>
      address.port === local.port && (address.host === host || covers(address, { host, port: local.port }))
    );
    if (socket === undefined) return null;
    return { socket, local: endpointOf({ host, port: 0 }), peer: remote };
  }
}
