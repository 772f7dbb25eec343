/** A client of RFC 1928's UDP ASSOCIATE, over real or in-memory networks; written from that text alone. */
import type { Address } from "../../../src/net/address.ts";
import { type Connection, type Network, readFull, writeAll } from "../../../src/net/connection.ts";
import { DatagramBatch, type DatagramNetwork, type DatagramSocket } from "../../../src/net/datagram.ts";
import { endpointOf } from "../../../src/net/endpoint.ts";
import { bytesHost, hostBytes } from "../../../src/net/ip.ts";
import { concat } from "../../../src/wire/concat.ts";
import { latin1 } from "./talk.ts";

/** A datagram as applications send it to a relay and get it from there. */
export interface RelayedDatagram {
  /** Its destination, or the origin of an answer. */
  readonly address: Address;
  readonly payload: Uint8Array;
}

/** ATYP, address and port. */
export function encodeAddress({ host, port }: Address): Uint8Array {
  const bytes = hostBytes(host);
  const head = bytes === null ? [3, host.length, ...latin1(host)] : [bytes.length === 4 ? 1 : 4, ...bytes];
  return Uint8Array.of(...head, port >> 8, port);
}

function decodeAddress(bytes: Uint8Array): { readonly address: Address; readonly length: number } {
  const [type, named = 0] = bytes, start = type === 3 ? 2 : 1;
  const end = start + (type === 1 ? 4 : type === 4 ? 16 : named), host = bytes.subarray(start, end);
  const port = bytes[end]! << 8 | bytes[end + 1]!;
  return { address: { host: type === 3 ? String.fromCharCode(...host) : bytesHost(host), port }, length: end + 2 };
}

/** @param fragment Default: 0, a whole datagram. */
export function encodeDatagram(to: Address, payload: Uint8Array, fragment = 0): Uint8Array {
  return concat([Uint8Array.of(0, 0, fragment), encodeAddress(to), payload]);
}

export function decodeDatagram(bytes: Uint8Array): RelayedDatagram {
  const { address, length } = decodeAddress(bytes.subarray(3));
  return { address, payload: bytes.slice(3 + length) };
}

/** Networks of an application. */
export interface Networks {
  readonly network: Network;
  readonly datagrams: DatagramNetwork;
}

/** Options of {@linkcode Socks5UdpClient.associate}. */
export interface AssociateOptions {
  /** The address that the request names. Default: none. */
  readonly named?: Address;
  /** Address of the application's socket. Default: that of its connection, any port. */
  readonly from?: Address;
  /** User and password. Default: no authentication. */
  readonly user?: readonly [string, string];
}

/** A SOCKS5 proxy refused the request, with this reply code. */
export class Refused extends Error {
  constructor(readonly reply: number) {
    super(`reply ${reply}`);
  }
}

/** An application with a UDP relay. */
export class Socks5UdpClient implements Disposable {
  /** The relay lasts as long as this connection. */
  readonly control: Connection;
  /** Address of the relay. */
  readonly relay: Address;
  readonly socket: DatagramSocket;
  readonly #batch = new DatagramBatch(1, 4096);
  readonly #received = new DatagramBatch(16, 4096);
  #pending: RelayedDatagram[] = [];

  private constructor(control: Connection, relay: Address, socket: DatagramSocket) {
    this.control = control;
    this.relay = relay;
    this.socket = socket;
  }

  /**
   * Asks a proxy for a relay.
   *
   * @throws {Refused}
   */
  static async associate(
    { network, datagrams }: Networks,
    proxy: Address,
    { named = { host: "0.0.0.0", port: 0 }, from, user }: AssociateOptions = {},
  ): Promise<Socks5UdpClient> {
    const control = await network.connect(proxy);
    try {
      const read = async (length: number) => {
        const bytes = new Uint8Array(length);
        await readFull(control, bytes);
        return bytes;
      };
      await writeAll(control, Uint8Array.of(5, 1, user === undefined ? 0 : 2));
      await read(2);
      if (user !== undefined) {
        const [name, password] = user.map((text) => [text.length, ...latin1(text)]);
        await writeAll(control, Uint8Array.of(1, ...name!, ...password!));
        await read(2);
      }
      await writeAll(control, Uint8Array.of(5, 3, 0, ...encodeAddress(named)));
      const [, reply = 0, , type] = await read(4);
      const rest = await read(type === 1 ? 6 : 18);
      if (reply !== 0) throw new Refused(reply);
      const { address } = decodeAddress(Uint8Array.of(type!, ...rest));
      const socket = datagrams.bind(from ?? { host: control.local.host, port: 0 });
      return new Socks5UdpClient(control, address, socket);
    } catch (error) {
      control.close();
      throw error;
    }
  }

  /** Sends a datagram through the relay. */
  send(to: Address, payload: Uint8Array): void {
    this.sendRaw(encodeDatagram(to, payload));
  }

  /** Sends any bytes to the relay. @param socket Default: the application's. */
  sendRaw(bytes: Uint8Array, socket = this.socket, trafficClass = 0): void {
    this.#batch.slot(0).set(bytes);
    this.#batch.lengths[0] = bytes.length;
    this.#batch.classes[0] = trafficClass;
    this.#batch.remotes.set(endpointOf(this.relay));
    socket.send(this.#batch, 1);
  }

  /** The next datagram from the relay. @throws When the socket is closed. */
  async receive(): Promise<RelayedDatagram> {
    while (this.#pending.length === 0) {
      const count = await this.socket.receive(this.#received);
      if (count === 0) throw new Error("closed");
      this.#pending = Array.from({ length: count }, (_, at) => decodeDatagram(this.#received.bytes(at)));
    }
    return this.#pending.shift()!;
  }

  [Symbol.dispose](): void {
    this.control.close();
    this.socket.close();
  }
}
