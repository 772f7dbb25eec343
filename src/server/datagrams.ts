import type { Association } from "../association/association.ts";
import type { DatagramCounts } from "../datagrams/counts.ts";
import type { DatagramPort } from "../datagrams/datagram_port.ts";
import { HandleTable } from "../datagrams/handles.ts";
import { DatagramLink, FORGED_REASON, type LinkChannel } from "../datagrams/link.ts";
import { MAX_PACKET } from "../datagrams/payload_limit.ts";
import { receivePackets } from "../datagrams/receiver.ts";
import type { Log, LogFields } from "../log/log.ts";
import { ThrottledWarning } from "../log/throttled.ts";
import { type Address, formatAddress } from "../net/address.ts";
import type { Connection } from "../net/connection.ts";
import type { DatagramNetwork, DatagramSocket } from "../net/datagram.ts";
import { endpointOf } from "../net/endpoint.ts";
import { canonicalHost, inZoneOf, sameHost, withoutZone } from "../net/ip.ts";
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
  /** Gets lines about datagrams that are dropped. */
  readonly log: Log;
}

/** The UDP side of a server handler's channels: a socket at each channel's address, which all associations use. */
export class ServerDatagrams {
  readonly #options: ServerDatagramsOptions;
  readonly #handles = new HandleTable<LinkChannel>(systemPads);
  readonly #sockets: readonly DatagramSocket[];
  readonly #tooLarge: ThrottledWarning;
  readonly #forged: ThrottledWarning;

  /**
   * Binds a socket to each channel's address.
   *
   * @throws {StartError} If one can't be bound; none is left then.
   */
  constructor(options: ServerDatagramsOptions) {
    const { network, channels, counts, log, clock } = this.#options = options;
    this.#tooLarge = new ThrottledWarning(log, clock, "datagram too large", 1);
    this.#forged = new ThrottledWarning(log, clock, "datagram forged", 1);
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
      forged: () => this.#forged.warn({ ...fieldsOf(association), reason: FORGED_REASON }),
      failed: (error) => association.fail(error),
    });
    association.over.then(() => link.close());
    return link;
  }

  /** Reports an answer of a target that can't be sent. */
  tooLarge(association: Association, target: Address, reason: string): void {
    this.#tooLarge.warn({ ...fieldsOf(association), target: formatAddress(target), reason });
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
      address.port === local.port && (sameHost(address.host, host) || covers(address, { host, port: local.port }))
    );
    if (socket === undefined) return null;
    const peer = { ...remote, host: inZoneOf(socket.address.host, remote.host) };
    return { socket, local: endpointOf({ host, port: 0 }), peer };
  }
}

function fieldsOf({ id, connections }: Association): LogFields {
  return { client: formatAddress(connections[0]!.remote), association: id };
}
