import { setImmediate } from "node:timers";
import type { Address } from "../address.ts";
import { type DatagramBatch, type DatagramOptions, type DatagramSocket, SendOutcome } from "../datagram.ts";
import { addressAt, copyEndpoint, type Endpoint, ENDPOINT_WORDS, endpointOf } from "../endpoint.ts";
import { canonicalHost, inZoneOf } from "../ip.ts";
import { hasNativeHelper } from "../linux/libc.ts";

/** Datagrams that may wait to be sent; others are blocked. */
const MAX_SENDING = 256;

/**
 * A UDP socket of Deno's own, for systems without native help: it moves a datagram a call. It neither reads nor sets traffic
 * classes, does not keep datagrams from being fragmented, and does not learn an MTU.
 */
export class PlainUdpSocket implements DatagramSocket {
  readonly address: Address;
  readonly hasClasses = false;
  readonly #conn: Deno.DatagramConn;
  readonly #local: Endpoint;
  #sending = 0;
  #last = Promise.resolve();
  #closed = false;

  /**
   * Opens and binds a socket.
   *
   * @param at Has an IP address of this machine.
   * @throws {Deno.errors.NotSupported} If `at` is any address, unless it is outgoing, since the socket can't tell which one a
   * datagram was sent to; or if it is to be shared, kept on a device, or transparent.
   * @throws The system's error.
   */
  constructor(at: Address, { shared = false, outgoing = false, device, transparent }: DatagramOptions = {}) {
    const host = canonicalHost(at.host);
    if (!outgoing && (host === "::" || host === "0.0.0.0")) throw unsupported(`A UDP socket at any address (${host})`);
    if (shared) throw unsupported("A shared UDP socket");
    if (device !== undefined) throw unsupported("A UDP socket kept on a device");
    if (transparent !== undefined) throw unsupported("A transparent UDP socket");
    this.#conn = Deno.listenDatagram({ transport: "udp", hostname: at.host, port: at.port });
    this.address = { host, port: (this.#conn.addr as Deno.NetAddr).port };
    this.#local = endpointOf({ ...this.address, port: 0 });
  }

  send(batch: DatagramBatch, count: number): number {
    let sent = 0;
    for (let index = 0; index < count; index++) {
      const outcome = this.#closed
        ? SendOutcome.Failed
        : this.#sending === MAX_SENDING
        ? SendOutcome.Blocked
        : SendOutcome.Sent;
      batch.outcomes[index] = outcome;
      if (outcome !== SendOutcome.Sent) continue;
      sent++;
      this.#sending++;
      const { host, port } = addressAt(batch.remotes, index * ENDPOINT_WORDS), bytes = batch.bytes(index).slice();
      // One after the other, as Deno does not keep the order of those under way.
      this.#last = this.#last.then(() => this.#conn.send(bytes, { transport: "udp", hostname: host, port })).then(
        () => void this.#sending--,
        // Best effort: an error is a lost datagram.
        () => void this.#sending--,
      );
    }
    return sent;
  }

  async receive(batch: DatagramBatch): Promise<number> {
    await new Promise<void>((resolve) => void setImmediate(resolve));
    while (!this.#closed) {
      try {
        const [bytes, from] = await this.#conn.receive(batch.slot(0));
        const { hostname: host, port } = from as Deno.NetAddr;
        // A longer one fills its room to the end, too.
        batch.lengths[0] = bytes.length;
        batch.classes[0] = 0;
        copyEndpoint(endpointOf({ host: inZoneOf(this.address.host, host), port }), 0, batch.remotes, 0);
        copyEndpoint(this.#local, 0, batch.locals, 0);
        return 1;
      } catch {
        // Closed; or the error of an earlier datagram, which reading it has cleared.
      }
    }
    return 0;
  }

  receiveNow(): number {
    return 0;
  }

  maxPayload(_to: Address): undefined {
    return undefined;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
  }
}

function unsupported(what: string): Error {
  const native = hasNativeHelper();
  return new Deno.errors.NotSupported(`${what} ${native.ok ? "needs the C library" : native.why}`);
}
