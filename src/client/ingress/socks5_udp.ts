import { reasonOf } from "../../errors/errors.ts";
import type { ThrottledWarning } from "../../log/throttled.ts";
import { formatAddress } from "../../net/address.ts";
import type { Connection } from "../../net/connection.ts";
import type { DatagramNetwork, DatagramSocket } from "../../net/datagram.ts";
import { type Endpoint, endpointOf } from "../../net/endpoint.ts";
import { sameHost, withoutZone } from "../../net/ip.ts";
import type { Activity } from "../../observe/activity.ts";
import { HandlerEnding } from "../../streams/errors.ts";
import type { Count } from "../../workers/worker_group.ts";
import type { RelayArrival } from "./arrival.ts";
import { Overloaded } from "./refusal.ts";
import { Socks5Relay, type Socks5RelayOptions } from "./socks5_relay.ts";

/** Options of {@linkcode Socks5Udp}. */
export interface Socks5UdpOptions extends Pick<Socks5RelayOptions, "flows"> {
  /** Makes the relays' sockets. */
  readonly datagrams: DatagramNetwork;
  /** Counts refusals, and datagrams that are dropped. */
  readonly activity: Pick<Activity, "refusals" | "datagrams">;
  /** Returns false if there is no room for another socket; the limit is reported. */
  readonly room: () => boolean;
  /** Counts the relays' sockets. */
  readonly channels: Count;
  /** Gets a line for each relay without a socket. */
  readonly refused: ThrottledWarning;
}

/** The UDP relays of SOCKS5 applications, one for each UDP ASSOCIATE (RFC 1928, section 4). */
export class Socks5Udp {
  readonly #options: Socks5UdpOptions;
  readonly #connections = new Set<Connection>();
  #closed = false;

  /** Starts without relays. */
  constructor(options: Socks5UdpOptions) {
    this.#options = options;
  }

  /** Relays an application's datagrams until its connection has ended. Owns the connection; never rejects. */
  async relay(arrival: RelayArrival): Promise<void> {
    const { room, channels } = this.#options;
    if (this.#closed) return await arrival.refused(new HandlerEnding());
    if (!room()) return await this.#refuse(arrival, new Overloaded("file limit reached"));
    channels.add(1);
    try {
      await this.#relay(arrival);
    } finally {
      channels.add(-1);
    }
  }

  /** Ends all relays and their connections, and refuses others. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#connections) connection.close();
  }

  async #relay(arrival: RelayArrival): Promise<void> {
    const { datagrams, flows, activity, refused } = this.#options, { connection, user } = arrival;
    let socket: DatagramSocket;
    try {
      // The address that the application reaches this handler by.
      socket = datagrams.bind({ host: connection.local.host, port: 0 });
    } catch (error) {
      refused.warn({ ingress: "socks5", from: formatAddress(connection.remote), reason: reasonOf(error) });
      return await this.#refuse(arrival, error);
    }
    const relay = new Socks5Relay(socket, applicationOf(arrival), user, { flows, counts: activity.datagrams });
    const running = relay.run();
    this.#connections.add(connection);
    try {
      await arrival.relayed(socket.address);
      await end(connection);
    } catch {
      // The application is gone, or the handler ends.
    } finally {
      this.#connections.delete(connection);
      connection.close();
      relay.close();
      await running;
    }
  }

  #refuse(arrival: RelayArrival, error: unknown): Promise<void> {
    this.#options.activity.refusals.count("overloaded");
    return arrival.refused(error);
  }
}

/**
 * The only address that datagrams are accepted from: the host of the connection, and the port that the application names.
 * A host other than its own is the application's idea of itself behind a NAT, which changes ports, too.
 */
function applicationOf({ connection: { remote }, source }: RelayArrival): Endpoint {
  const isOwn = source !== null && (isAny(source.host) || sameHost(source.host, remote.host));
  return endpointOf({ host: withoutZone(remote.host), port: isOwn ? source.port : 0 });
}

function isAny(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** Waits for the end of a connection. Bytes from it mean nothing. */
async function end(connection: Connection): Promise<void> {
  const ignored = new Uint8Array(64);
  while (await connection.read(ignored) !== null);
}
