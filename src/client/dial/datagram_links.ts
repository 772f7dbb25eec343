import type { Association } from "../../association/association.ts";
import type { DatagramCounts } from "../../datagrams/counts.ts";
import type { DatagramPort } from "../../datagrams/datagram_port.ts";
import { HandleTable } from "../../datagrams/handles.ts";
import { DatagramLink, FORGED_REASON, type LinkChannel } from "../../datagrams/link.ts";
import { MAX_PACKET } from "../../datagrams/payload_limit.ts";
import { receivePackets } from "../../datagrams/receiver.ts";
import { reasonOf } from "../../errors/errors.ts";
import type { Log } from "../../log/log.ts";
import { ThrottledWarning } from "../../log/throttled.ts";
import type { DatagramNetwork } from "../../net/datagram.ts";
import { endpointOf, sameEndpoint } from "../../net/endpoint.ts";
import type { Address } from "../../net/address.ts";
import { inZoneOf, isIp } from "../../net/ip.ts";
import { deviceOfWay } from "../../net/way.ts";
import { commonGuard } from "../../sharing/guarded_pads.ts";
import { type PadSource, systemPads } from "../../sharing/system_pads.ts";
import type { ResolvedServer } from "../servers/configured_server.ts";
import type { Multiplexer } from "../../streams/multiplexer.ts";
import type { Clock } from "../../time/clock.ts";
import type { DatagramMeans } from "../../wire/datagrams.ts";
import { WireError } from "../../wire/decoder.ts";
import type { Count } from "../../workers/worker_group.ts";
import { NoRoom } from "./association_errors.ts";

/** Room for a packet where the paths' MTU is at most 1,500, in bytes. */
const USUAL_ROOM = 2048;

/** Options of {@linkcode DatagramLinks}. */
export interface DatagramLinksOptions {
  /** Makes the sockets of channels. */
  readonly datagrams: DatagramNetwork;
  /** Counts what is sent, received and dropped. */
  readonly activity: { readonly datagrams: DatagramCounts };
  /** Source of pads. */
  readonly pads: PadSource;
  /** Measures time limits. */
  readonly clock: Clock;
  /** Gets lines about packets that are not as they were sent, and at level debug for each socket that can't be opened. */
  readonly log: Log;
  /** Returns false if there is no room for so many more sockets; the limit is reported. */
  readonly room: (sockets: number) => boolean;
  /** Counts channels, and these sockets with them. */
  readonly channels: Count;
}

interface Carrier {
  readonly link: DatagramLink;
  readonly ports: (DatagramPort | null)[];
}

/** The links of associations with one server, each made for the first flow on its association, and ended with it. */
export class DatagramLinks {
  readonly #server: Pick<ResolvedServer, "name" | "channels">;
  readonly #options: DatagramLinksOptions;
  readonly #handles = new HandleTable<LinkChannel>(systemPads);
  readonly #carriers = new Map<Association, Carrier>();
  readonly #forged: ThrottledWarning;

  /** Starts without links. @param server Its channels have the way that each takes. */
  constructor(server: Pick<ResolvedServer, "name" | "channels">, options: DatagramLinksOptions) {
    this.#server = server;
    this.#options = options;
    this.#forged = new ThrottledWarning(options.log, options.clock, "datagram forged", 1);
  }

  /**
   * The link of an association; the first call opens its sockets, and hands its means out.
   *
   * @throws {NoRoom} If the handler may not open so many files.
   * @throws The system's error, if there are too few sockets.
   */
  of(multiplexer: Multiplexer): DatagramLink {
    const { association } = multiplexer, known = this.#carriers.get(association);
    if (known !== undefined) return known.link;
    const { clock, pads, activity: { datagrams: counts } } = this.#options;
    const { room, channels } = this.#options, { length } = association.connections;
    if (!room(length)) throw new NoRoom("the datagrams of an association");
    const errors: unknown[] = [];
    const ports = association.connections.map((_, index) => {
      try {
        return association.away.has(index) ? null : this.#open(association, index);
      } catch (error) {
        errors.push(error);
        return null;
      }
    });
    if (ports.filter((port) => port !== null).length < association.threshold) {
      for (const port of ports) port?.socket.close();
      throw errors[0] ?? new Deno.errors.NotConnected("too few channels are joined");
    }
    const remotes = association.connections.map(({ remote }, index) => endpointOf(this.#zoned(remote, index)));
    const link = new DatagramLink({
      ports,
      remotes,
      scheme: association.scheme,
      threshold: association.threshold,
      pads: commonGuard(pads),
      clock,
      handles: this.#handles,
      counts,
      forged: () =>
        this.#forged.warn({ server: this.#server.name, association: association.id, reason: FORGED_REASON }),
      failed: (error) => association.fail(error),
    });
    const carrier: Carrier = { link, ports };
    channels.add(length);
    this.#carriers.set(association, carrier);
    for (const port of ports) if (port !== null) this.#receive(port);
    association.over.then(() => {
      this.#carriers.delete(association);
      channels.add(-length);
      link.close();
      for (const port of carrier.ports) port?.socket.close();
    });
    multiplexer.handOut(link.means);
    return link;
  }

  /** Takes the means of the server. @throws {WireError} If they were not asked for, or are not right. */
  accept(association: Association, means: DatagramMeans): void {
    const carrier = this.#carriers.get(association);
    if (carrier === undefined) throw new WireError("DATAGRAMS that were not asked for");
    carrier.link.accept(means);
  }

  /** Opens a socket at the new address of a channel that was joined again, if its association has a link. */
  rejoined(association: Association, index: number): void {
    const carrier = this.#carriers.get(association);
    if (carrier === undefined) return;
    const old = carrier.ports[index] ?? null;
    const { host } = this.#zoned(association.connections[index]!.local, index);
    if (old !== null && sameEndpoint(old.local, 0, endpointOf({ host, port: 0 }), 0)) return;
    let port: DatagramPort | null = null;
    try {
      port = this.#open(association, index);
    } catch {
      // Reported; its packets are lost until it is joined again.
    }
    carrier.ports[index] = port;
    carrier.link.bind(index, port);
    old?.socket.close();
    if (port !== null) this.#receive(port);
  }

  #open(association: Association, index: number): DatagramPort {
    const connection = association.connections[index]!, via = this.#server.channels[index]?.via;
    const local = this.#zoned(connection.local, index), remote = this.#zoned(connection.remote, index);
    try {
      const device = via === undefined ? undefined : isIp(via) ? deviceOfWay(local.host, via) : via;
      const options = device === undefined ? {} : { device };
      const socket = this.#options.datagrams.bind({ host: local.host, port: 0 }, options);
      return { socket, local: endpointOf({ host: local.host, port: 0 }), peer: remote };
    } catch (error) {
      this.#options.log.debug("no datagrams on a channel", { association: association.id, reason: reasonOf(error) });
      throw error;
    }
  }

  /** A link-local address of a channel's connection, in the zone that is configured for it. */
  #zoned({ host, port }: Address, index: number): Address {
    return { host: inZoneOf(this.#server.channels[index]?.host ?? "", host), port };
  }

  #receive({ socket, peer }: DatagramPort): void {
    const largest = socket.maxPayload(peer) ?? MAX_PACKET;
    void receivePackets(socket, {
      handles: this.#handles,
      counts: this.#options.activity.datagrams,
      size: largest <= USUAL_ROOM ? USUAL_ROOM : MAX_PACKET,
    });
  }
}
