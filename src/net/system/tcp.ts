import { acceptLive } from "./accept.ts";
import type { Address } from "../address.ts";
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
  protocolOf,
  resetConnection,
  retransmissionsOf,
  shutdownWrite,
} from "../linux/connection.ts";
import { canonicalHost, isIp } from "../ip.ts";
import { sameAddress } from "../sockaddr.ts";
import { fairness } from "../fairness.ts";

const { BrokenPipe } = Deno.errors;

/** When an idle connection is probed first, how often after that, and how often in vain; in seconds (tcp(7)). */
const TCP_KEEPIDLE = 4, TCP_KEEPINTVL = 5, TCP_KEEPCNT = 6;

/** After this many retransmissions in a row, 1.4 s or more, a path has stopped; mere loss hardly ever gets so far. */
const STALLED = 3;

/** How many probes go unanswered before a connection is given up. */
const PROBES = 6;

/** The longest queue of connections to accept that can be asked for: the system cuts it to its own limit (somaxconn). */
const MAX_BACKLOG = 2 ** 31 - 1;

/** The system's TCP, with TCP_NODELAY on every connection: shares wait for nothing. */
export const systemNetwork: Network = {
  async connect({ host, port }, signal) {
    signal?.throwIfAborted();
    // Deno would look it up in a thread that nothing bounds, and take the first address only; `dial` does better.
    if (!isIp(host)) throw new TypeError(`Can't connect to ${host}: not an IP address`);
    const likely = nextDescriptor();
    const conn = await Deno.connect({ hostname: host, port, ...(signal && { signal }) });
    if (signal?.aborted) {
      conn.close();
      throw signal.reason;
    }
    if (isSelfConnected(conn)) {
      conn.close();
      throw new Deno.errors.ConnectionRefused("Connection refused: connected to itself, as nothing listens there");
    }
    return new TcpConnection(conn, likely);
  },

  listen({ host, port }, shared = false) {
    const first = listenOn(host, port, shared);
    // [::] stands for IPv4, too, whatever the system's default (net.ipv6.bindv6only) is.
    if (canonicalHost(host) !== "::" || !bindsIpv6Only()) return first;
    try {
      return new JoinedListener([first, listenOn("0.0.0.0", first.address.port, shared)]);
    } catch (error) {
      first.close();
      throw error;
    }
  },
};

function listenOn(hostname: string, port: number, shared: boolean): TcpListener {
  const options = { hostname, port, tcpBacklog: MAX_BACKLOG };
  return new TcpListener(Deno.listen(shared ? { ...options, reusePort: true } : options));
}

/**
 * A connection of the system's. What its promises reject with is what Deno reports:
 *
 * - `Deno.errors.ConnectionReset`: the other end, or the network, reset it. The kernel says so only once, and shows a clean
 *   end to reads after it; this class turns their null into that error, so that no reset passes for an end.
 * - `Deno.errors.BrokenPipe`: a write after the other end closed in order, or one beside a read that met a reset.
 * - `Deno.errors.Interrupted`: this end was closed or reset here under a pending read. A blocked write then rejects with
 *   this or with one of the two above (which of them depends on Deno's version), but always at once. Only without native
 *   help (see linux/) and before Deno 2.9 does a blocked write, and the connection with it, wait for the other end.
 * - `Deno.errors.BadResource`: reading, writing or half-closing after the end.
 */
export class TcpConnection implements Connection {
  readonly #conn: Deno.TcpConn;
  readonly #clue: Clue;
  #ended = false;
  #writing = false;
  /** What a read or write was the first to meet. */
  #failure: unknown;

  /**
   * Takes over a connection of Deno's.
   *
   * @param conn Nobody else may use or close it from then on.
   * @param likely The descriptor that it probably has, where it was dialled.
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
    return fairness.run(into.length, () => this.#conn.read(into)).then(
      (count) => {
        // Only a broken pipe goes with a true end: the other end closed first.
        if (count !== null || this.#failure === undefined || this.#failure instanceof BrokenPipe) return count;
        throw this.#failure;
      },
      (error) => {
        this.#failure ??= error;
        throw error;
      },
    );
  }

  write(bytes: Uint8Array): Promise<number> {
    this.#writing = true;
    const written = fairness.run(bytes.length, () => this.#conn.write(bytes));
    // Not kept for the next one: a connection that nobody writes to is to be small.
    written.then(() => this.#writing = false, (error) => {
      this.#writing = false;
      this.#failure ??= error;
    });
    return written;
  }

  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#writing) shutdownWrite(this.#conn, this.#clue);
    this.#conn.close();
  }

  /** Does what {@linkcode TcpConnection.close} does without native help, and where the connection has failed already. */
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
    try {
      this.#conn.setKeepAlive(true);
    } catch {
      // It has ended: the next read or write fails.
    }
    const limits = [[TCP_KEEPIDLE, seconds], [TCP_KEEPINTVL, interval], [TCP_KEEPCNT, PROBES]] as const;
    lowerTcpOptions(this.#conn, this.#clue, new Map(limits));
  }

  /** Where it was going before a rule redirected it; see {@linkcode originalDestination}. */
  originalDestination(): Address {
    return nativeOriginalDestination(this.#conn);
  }
}

/**
 * Whether both ends are one (RFC 9293, 3.5, simultaneous open): the system picked as the local port the one to connect to,
 * which is in its ephemeral range, and nothing listens there.
 */
function isSelfConnected({ localAddr, remoteAddr }: Deno.TcpConn): boolean {
  return localAddr.port === remoteAddr.port && sameAddress(addressOf(localAddr), addressOf(remoteAddr));
}

/** An IPv6 socket that took an IPv4 connection calls its addresses `::ffff:192.0.2.1`; nobody else needs to know. */
function addressOf({ hostname, port }: Deno.NetAddr): Address {
  return { host: hostname.startsWith("::ffff:") ? canonicalHost(hostname) : hostname, port };
}

/** Listens by means of Deno's listener, which becomes its own. */
export class TcpListener implements Listener {
  readonly address: Address;
  readonly #listener: Deno.TcpListener;
  #closed = false;

  /** Takes over a listener of Deno's. */
  constructor(listener: Deno.TcpListener) {
    this.#listener = listener;
    this.address = { host: listener.addr.hostname, port: listener.addr.port };
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

  /** Lets it take connections to any address; see {@linkcode makeTransparent}. */
  makeTransparent(): void {
    nativeMakeTransparent(this.#listener);
  }
}

/**
 * Lets a listener take what TPROXY of iptables or nftables gives it: connections to any address, which is then their
 * local one. A listener that is none of the system's takes all anyway.
 *
 * @throws {Deno.errors.NotSupported} Where `hasNativeHelper` says so too.
 * @throws {Deno.errors.PermissionDenied} Without the capability CAP_NET_ADMIN.
 */
export function makeTransparent(listener: Listener): void {
  if (listener instanceof JoinedListener) listener.listeners.forEach(makeTransparent);
  else if (listener instanceof TcpListener) listener.makeTransparent();
}

/**
 * Where an accepted connection was going before a rule of iptables or nftables redirected it to us.
 *
 * @returns The destination, or undefined for a connection that is none of the system's.
 * @throws {Deno.errors.NotSupported} Where `hasNativeHelper` says so too.
 * @throws {Deno.errors.NotFound} When the kernel knows none.
 */
export function originalDestination(connection: Connection): Address | undefined {
  return connection instanceof TcpConnection ? connection.originalDestination() : undefined;
}
