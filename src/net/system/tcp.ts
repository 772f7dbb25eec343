import { acceptLive } from "./accept.ts";
import { type Address, type ChannelAddress, sameAddress } from "../address.ts";
import type { Connection, Listener, Network } from "../connection.ts";
import { JoinedListener } from "./joined_listener.ts";
import {
  bindsIpv6Only,
  dropConnectionRequests,
  listeningProtocols,
  makeTransparent as nativeMakeTransparent,
} from "../linux/listener.ts";
import { type Clue, nextDescriptor, searchesSoFar } from "../linux/descriptors.ts";
import {
  lowerTcpOptions,
  originalDestination as nativeOriginalDestination,
  pinToDevice,
  protocolOf,
  resetConnection,
  retransmissionsOf,
  shutdownWrite,
} from "../linux/connection.ts";
import { type KeepAlivePlace, keepAliveQueue } from "./keep_alive.ts";
import { deviceOfWay, WrongWay } from "../way.ts";
import { canonicalHost, inZoneOf, isIp } from "../ip.ts";
import { fairness, LARGE } from "../fairness.ts";

const { BrokenPipe } = Deno.errors;

/** Socket options (tcp(7)): idle time before the first probe and between probes, in seconds; number of probes. */
const TCP_KEEPIDLE = 4, TCP_KEEPINTVL = 5, TCP_KEEPCNT = 6;

/** Consecutive retransmissions, 1.4 s or more, after which a path is down; mere loss rarely causes as many. */
const STALLED = 3;

/** Unanswered keep-alive probes before a connection fails. */
const PROBES = 6;

/** Largest accept queue that can be requested; the system reduces it to its own limit (somaxconn). */
const MAX_BACKLOG = 2 ** 31 - 1;

/** The system's TCP, with TCP_NODELAY on every connection, so that shares are sent immediately. */
export const systemNetwork: Network = {
  connect,

  listen({ host, port }, shared = false) {
    const first = listenOn(host, port, shared);
    // [::] includes IPv4, whatever the system's default (net.ipv6.bindv6only).
    if (canonicalHost(host) !== "::" || !bindsIpv6Only()) return first;
    try {
      return new JoinedListener([first, listenOn("0.0.0.0", first.address.port, shared)]);
    } catch (error) {
      first.close();
      throw error;
    }
  },
};

/**
 * Connects.
 *
 * @throws {Deno.errors.ConnectionReset} Also if the other end resets the connection before Deno has asked for its addresses.
 */
async function connect({ host, port, via }: ChannelAddress, signal?: AbortSignal): Promise<TcpConnection> {
  signal?.throwIfAborted();
  // Deno would resolve a name without a limit on threads or time, and try its first address only; `dial` does better.
  if (!isIp(host)) throw new TypeError(`Can't connect to ${host}: not an IP address`);
  const likely = nextDescriptor();
  try {
    const conn = await Deno.connect({ hostname: host, port, ...(signal && { signal }) });
    if (signal?.aborted) {
      conn.close();
      throw signal.reason;
    }
    if (isSelfConnected(conn)) {
      conn.close();
      throw new Deno.errors.ConnectionRefused(
        "Connection refused: nothing listens there, so the system connected the socket to itself",
      );
    }
    const connection = new TcpConnection(conn, likely);
    return via === undefined ? connection : keptOn(via, connection);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotConnected)) throw error;
    throw new Deno.errors.ConnectionReset("Connection reset by peer", { cause: error });
  }
}

function keptOn(via: string, connection: TcpConnection): TcpConnection {
  try {
    connection.keepVia(via);
  } catch (error) {
    connection.reset();
    throw error;
  }
  return connection;
}

function listenOn(hostname: string, port: number, shared: boolean): TcpListener {
  const options = { hostname, port, tcpBacklog: MAX_BACKLOG };
  return new TcpListener(Deno.listen(shared ? { ...options, reusePort: true } : options), hostname);
}

/**
 * A connection of the system. Its promises reject with Deno's errors:
 *
 * - `Deno.errors.ConnectionReset`: the other end or the network reset it. The kernel reports a reset only once, and a clean
 *   end to later reads; this class throws the error again instead, so that no reset passes for a clean end.
 * - `Deno.errors.BrokenPipe`: a write after the other end closed in order, or concurrent with a read that saw a reset.
 * - `Deno.errors.Interrupted`: this end was closed or reset during a read. A blocked write then rejects immediately, with
 *   this or one of the two errors above, depending on Deno's version. Only without native help (see linux/) and before
 *   Deno 2.9 does a blocked write, and with it the connection, wait for the other end.
 * - `Deno.errors.BadResource`: a read, write or half-close after the end.
 */
export class TcpConnection implements Connection {
  readonly #conn: Deno.TcpConn;
  readonly #clue: Clue;
  #ended = false;
  #writing = false;
  #keepAlivePlace: KeepAlivePlace | null = null;
  /** First I/O error. */
  #failure: unknown;
  // One function each, rather than one for each operation.
  readonly #onRead = (count: number | null): number | null => {
    // A clean end follows only a broken pipe: the other end closed before the write.
    if (count !== null || this.#failure === undefined || this.#failure instanceof BrokenPipe) return count;
    throw this.#failure;
  };
  readonly #onReadError = (error: unknown): never => {
    this.#failure ??= error;
    throw error;
  };
  readonly #onWritten = (): void => void (this.#writing = false);
  readonly #onWriteError = (error: unknown): void => {
    this.#writing = false;
    this.#failure ??= error;
  };

  /**
   * Becomes the owner of a connection of Deno's.
   *
   * @param conn The caller must not use or close it any more.
   * @param likely Probable descriptor of a dialled connection.
   */
  constructor(conn: Deno.TcpConn, likely?: number) {
    this.#conn = conn;
    this.#clue = { searches: searchesSoFar(), likely };
    try {
      conn.setNoDelay(true);
    } catch (error) {
      conn.close();
      throw error;
    }
  }

  get local(): Address {
    return addressOf(this.#conn.localAddr);
  }

  get remote(): Address {
    return addressOf(this.#conn.remoteAddr);
  }

  read(into: Uint8Array): Promise<number | null> {
    const { length } = into;
    const reading = length < LARGE ? this.#conn.read(into) : fairness.run(length, () => this.#conn.read(into));
    return reading.then(this.#onRead, this.#onReadError);
  }

  write(bytes: Uint8Array): Promise<number> {
    this.#writing = true;
    const { length } = bytes;
    const written = length < LARGE ? this.#conn.write(bytes) : fairness.run(length, () => this.#conn.write(bytes));
    // A flag rather than the promise itself, to keep idle connections small.
    written.then(this.#onWritten, this.#onWriteError);
    return written;
  }

  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopKeepAlive();
    if (this.#writing) shutdownWrite(this.#conn, this.#clue);
    this.#conn.close();
  }

  /** Like {@linkcode TcpConnection.close} without native help, or if the connection has already failed. */
  reset(): void {
    if (this.#ended) return;
    if (this.#failure === undefined && resetConnection(this.#conn, this.#clue)) this.#writing = false;
    this.close();
  }

  get protocol(): number | undefined {
    return protocolOf(this.#conn, this.#clue);
  }

  get stalled(): boolean {
    return retransmissionsOf(this.#conn, this.#clue) >= STALLED;
  }

  keepAlive(idle: number): void {
    const seconds = Math.max(1, Math.ceil(idle / 1000)), interval = Math.max(1, Math.ceil(seconds / PROBES));
    this.#stopKeepAlive();
    this.#keepAlivePlace = keepAliveQueue.add(() => {
      this.#keepAlivePlace = null;
      try {
        this.#conn.setKeepAlive(true);
      } catch {
        // The connection has ended: the next read or write fails.
      }
      const limits = [[TCP_KEEPIDLE, seconds], [TCP_KEEPINTVL, interval], [TCP_KEEPCNT, PROBES]] as const;
      lowerTcpOptions(this.#conn, this.#clue, new Map(limits));
    });
  }

  #stopKeepAlive(): void {
    if (this.#keepAlivePlace !== null) keepAliveQueue.remove(this.#keepAlivePlace);
    this.#keepAlivePlace = null;
  }

  /**
   * Keeps the connection on its way: nothing more leaves by another device, whatever becomes of routes.
   *
   * @param via A local IP address, or a device's name.
   * @throws {WrongWay} If it left by another way, or can't be kept on this one.
   */
  keepVia(via: string): void {
    const device = deviceOfWay(this.local.host, via);
    const failed = pinToDevice(this.#conn, this.#clue, device);
    if (failed !== undefined) {
      throw new WrongWay(`can't be kept on ${device}: ${failed}; without that, it may move to another device`);
    }
  }

  /** Destination before a rule redirected it; see {@linkcode originalDestination}. */
  originalDestination(): Address {
    return nativeOriginalDestination(this.#conn);
  }
}

/**
 * Reports whether a connection's ends are the same socket (RFC 9293, 3.5, simultaneous open): nothing listens at a port in
 * the ephemeral range, and the system picked that same port as the local one.
 */
function isSelfConnected({ localAddr, remoteAddr }: Deno.TcpConn): boolean {
  return localAddr.port === remoteAddr.port && sameAddress(addressOf(localAddr), addressOf(remoteAddr));
}

/** Hides the IPv4-mapped form, such as `::ffff:192.0.2.1`, that an IPv6 socket reports for IPv4 connections. */
function addressOf({ hostname, port }: Deno.NetAddr): Address {
  return { host: hostname.startsWith("::ffff:") ? canonicalHost(hostname) : hostname, port };
}

/** A listener of the system. */
export class TcpListener implements Listener {
  readonly address: Address;
  readonly #listener: Deno.TcpListener;
  #closed = false;

  /** Becomes the owner of a listener of Deno's. @param at Its address as requested, with its zone, which Deno leaves out. */
  constructor(listener: Deno.TcpListener, at = "") {
    this.#listener = listener;
    this.address = { host: inZoneOf(at, listener.addr.hostname), port: listener.addr.port };
  }

  accept(): Promise<Connection | null> {
    return acceptLive(async () => new TcpConnection(await this.#listener.accept()), () => this.#closed);
  }

  hold(): boolean {
    return !this.#closed && dropConnectionRequests(this.#listener);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
  }

  get protocols(): readonly number[] {
    return listeningProtocols(this.#listener);
  }

  /** Accepts connections to any address; see {@linkcode makeTransparent}. */
  makeTransparent(): void {
    nativeMakeTransparent(this.#listener);
  }
}

/**
 * Makes a listener accept connections from TPROXY of iptables or nftables: to any address, which is then the connection's
 * local one. Other listeners than the system's accept these anyway.
 *
 * @throws {Deno.errors.NotSupported} Without native help (`hasNativeHelper`).
 * @throws {Deno.errors.PermissionDenied} Without the capability CAP_NET_ADMIN.
 */
export function makeTransparent(listener: Listener): void {
  if (listener instanceof JoinedListener) listener.listeners.forEach(makeTransparent);
  else if (listener instanceof TcpListener) listener.makeTransparent();
}

/**
 * Destination of an accepted connection before a rule of iptables or nftables redirected it here.
 *
 * @returns The destination, or undefined for other connections than the system's.
 * @throws {Deno.errors.NotSupported} Without native help (`hasNativeHelper`).
 * @throws {Deno.errors.NotFound} If the kernel has none.
 */
export function originalDestination(connection: Connection): Address | undefined {
  return connection instanceof TcpConnection ? connection.originalDestination() : undefined;
}
