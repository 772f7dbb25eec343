import { type Address, formatAddress } from "../../../src/net/address.ts";
import { isIpv4, isIpv6 } from "../../../src/net/ip.ts";
import type { Connection, Listener, Network } from "../../../src/net/connection.ts";
import { brokenPipe, Pipe } from "./pipe.ts";

/** The two ends of an interposer between a client and a server. */
export interface Interposed {
  /** Reads what the client writes, and writes what the client reads. */
  readonly toClient: Connection;
  /** Reads what the server writes, and writes what the server reads. */
  readonly toServer: Connection;
}

/** Options of a {@linkcode MemoryNetwork}, which a test may also change later. */
export interface MemoryNetworkOptions {
  /** Bytes that each direction of a new connection buffers before writes wait. Default: 65,536. */
  capacity?: number;
  /** Addresses of host names. */
  hosts?: ReadonlyMap<string, string>;
  /** Limits a read by `reader` to part of the `available` bytes. Default: all of them. */
  chunk?: (available: number, reader: Connection) => number;
  /**
   * Runs before each connection is made. Connecting waits for it, so that it may delay or hang, and rejects if it
   * rejects.
   */
  onConnect?: (to: Address, from: Address) => void | Promise<void>;
  /** Maps a destination to the actual one, as REDIRECT and DNAT of iptables do. */
  route?: (to: Address) => Address;
  /** Takes over each new connection's path. The interposer owns the two ends. */
  interpose?: (path: Interposed, to: Address) => void;
  /** Selects the connections to interpose on. Default: all. */
  interposes?: (to: Address) => boolean;
}

/**
 * In-memory TCP. A {@linkcode Connection} shows what Linux and Deno would show, errors included.
 *
 * - A listener at `0.0.0.0` or `::` takes connections to every address of its family; `local` of the connection that it
 *   accepts is the address that was dialled.
 * - Ending an end makes its pending read and write reject with `Deno.errors.Interrupted`, later ones with
 *   `Deno.errors.BadResource`.
 * - A reset loses the bytes that the other end has not read, and is `Deno.errors.ConnectionReset` to its reads and
 *   writes; after a half-close it reads null still, and its writes reject with `Deno.errors.BrokenPipe`.
 * - Writing after the other end closed rejects with `Deno.errors.BrokenPipe`, except for the first write if the other end
 *   left nothing unread: its bytes are lost silently.
 *
 * @example Every read returns a single byte
 * ```ts
 * const network = new MemoryNetwork({ chunk: () => 1 });
 * const listener = network.listen({ host: "192.0.2.1", port: 80 });
 * const client = await network.connect({ host: "192.0.2.1", port: 80 });
 * const server = await listener.accept();
 * ```
 */
export class MemoryNetwork implements Network {
  /** The IPv4 address of connecting ends. */
  source = "198.18.0.1";
  capacity: number;
  hosts: ReadonlyMap<string, string>;
  chunk: (available: number, reader: Connection) => number;
  onConnect: (to: Address, from: Address) => void | Promise<void>;
  route: (to: Address) => Address;
  interpose: ((path: Interposed, to: Address) => void) | undefined;
  readonly #interposes: (to: Address) => boolean;
  #listeners = new Map<string, MemoryListener>();
  #open = new Set<Connection>();
  #nextPort = 49152;

  constructor(options: MemoryNetworkOptions = {}) {
    this.capacity = options.capacity ?? 65536;
    this.hosts = options.hosts ?? new Map();
    this.chunk = options.chunk ?? ((available) => available);
    this.onConnect = options.onConnect ?? (() => {});
    this.route = options.route ?? ((to) => to);
    this.interpose = options.interpose;
    this.#interposes = options.interposes ?? (() => true);
  }

  /** Number of ends neither closed nor reset, including an interposer's: 0 once a test has cleaned up. */
  get openEnds(): number {
    return this.#open.size;
  }

  /** Number of listeners not yet closed. */
  get openListeners(): number {
    return this.#listeners.size;
  }

  async connect(to: Address, signal?: AbortSignal): Promise<Connection> {
    signal?.throwIfAborted();
    const remote = { host: this.#resolve(to.host), port: to.port };
    const local = { host: remote.host.includes(":") ? "fd00::c" : this.source, port: this.#freePort() };
    await orAborted(Promise.resolve(this.onConnect(remote, local)), signal);
    const arrived = this.route(remote);
    const listener = this.#listenerAt(arrived);
    if (listener === undefined) throw new Deno.errors.ConnectionRefused("Connection refused (os error 111)");
    const [client, clientPeer] = this.#pair(local, remote, arrived);
    if (this.interpose === undefined || !this.#interposes(remote)) {
      listener.offer(clientPeer);
    } else {
      const [toServer, server] = this.#pair(local, remote, arrived);
      listener.offer(server);
      this.interpose({ toClient: clientPeer, toServer }, remote);
    }
    return client;
  }

  listen(at: Address): Listener {
    const address = { host: this.#resolve(at.host), port: at.port === 0 ? this.#freePort() : at.port };
    const key = formatAddress(address);
    if (this.#listeners.has(key)) throw new Deno.errors.AddrInUse("Address already in use (os error 98)");
    const listener = new MemoryListener(address, () => this.#listeners.delete(key));
    this.#listeners.set(key, listener);
    return listener;
  }

  #freePort(): number {
    if (this.#nextPort > 65535) this.#nextPort = 49152;
    return this.#nextPort++;
  }

  #resolve(host: string): string {
    const address = isIpv4(host) || isIpv6(host) ? host : this.hosts.get(host);
    if (address === undefined) throw new Error(`failed to lookup address information: ${host}`);
    return address;
  }

  #listenerAt({ host, port }: Address): MemoryListener | undefined {
    const any = host.includes(":") ? "::" : "0.0.0.0";
    return this.#listeners.get(formatAddress({ host, port })) ??
      this.#listeners.get(formatAddress({ host: any, port }));
  }

  /** @param arrived The far end's local address. */
  #pair(a: Address, b: Address, arrived: Address): [MemoryConnection, MemoryConnection] {
    const [ab, ba] = [new Pipe(this.capacity), new Pipe(this.capacity)];
    const limit = (available: number, reader: Connection) => this.chunk(available, reader);
    return [
      new MemoryConnection(a, b, ba, ab, limit, this.#open),
      new MemoryConnection(arrived, a, ab, ba, limit, this.#open),
    ];
  }
}

class MemoryListener implements Listener {
  readonly address: Address;
  #onClose: () => void;
  #backlog: MemoryConnection[] = [];
  #waiting: ((connection: Connection | null) => void)[] = [];
  #closed = false;

  constructor(address: Address, onClose: () => void) {
    this.address = address;
    this.#onClose = onClose;
  }

  offer(connection: MemoryConnection): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#backlog.push(connection);
    else waiting(connection);
  }

  accept(): Promise<Connection | null> {
    const next = this.#backlog.shift();
    if (next !== undefined) return Promise.resolve(next);
    if (this.#closed) return Promise.resolve(null);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose();
    // The kernel resets connections that were never accepted.
    for (const connection of this.#backlog.splice(0)) connection.reset();
    for (const waiting of this.#waiting.splice(0)) waiting(null);
  }
}

class MemoryConnection implements Connection {
  readonly local: Address;
  readonly remote: Address;
  #incoming: Pipe;
  #outgoing: Pipe;
  #limit: (available: number, reader: Connection) => number;
  #open: Set<Connection>;

  constructor(
    local: Address,
    remote: Address,
    incoming: Pipe,
    outgoing: Pipe,
    limit: (available: number, reader: Connection) => number,
    open: Set<Connection>,
  ) {
    this.local = local;
    this.remote = remote;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#limit = limit;
    this.#open = open.add(this);
  }

  async read(into: Uint8Array): Promise<number | null> {
    this.#mustBeOpen();
    return await this.#incoming.read(into, (available) => this.#limit(available, this));
  }

  async write(bytes: Uint8Array): Promise<number> {
    this.#mustBeOpen();
    return await this.#outgoing.write(bytes);
  }

  // deno-lint-ignore require-await -- its errors must be rejections, as Deno's are
  async closeWrite(): Promise<void> {
    this.#mustBeOpen();
    this.#outgoing.end();
  }

  close(): void {
    if (!this.#open.delete(this)) return;
    const unread = this.#incoming.size > 0;
    this.#outgoing.leaveWriting(null);
    this.#incoming.leaveReading(unread ? brokenPipe() : null);
  }

  reset(): void {
    if (!this.#open.delete(this)) return;
    const error = new Deno.errors.ConnectionReset("Connection reset by peer (os error 104)");
    this.#incoming.leaveReading(this.#outgoing.ended ? brokenPipe() : error);
    this.#outgoing.leaveWriting(error);
  }

  #mustBeOpen(): void {
    if (!this.#open.has(this)) throw new Deno.errors.BadResource("Bad resource ID");
  }
}

async function orAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return await work;
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    await Promise.race([work, aborted.promise]);
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
