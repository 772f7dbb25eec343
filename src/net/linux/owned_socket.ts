import { type Address } from "../address.ts";
import { hostBytes } from "../ip.ts";
import { SOCKADDR_SIZE, sockaddrPort, writeSockaddr } from "./sockaddr.ts";
import { AF_INET, AF_INET6, SOL_SOCKET, STREAM } from "./constants.ts";
import { readName } from "./descriptors.ts";
import { errno, type Libc, libc } from "./libc.ts";
import { SO_REUSEADDR } from "./listener.ts";
import { DATAGRAM } from "./system.ts";

/** Errors of connecting and sending without a route: EADDRNOTAVAIL, ENETUNREACH and EHOSTUNREACH. */
export const NO_ROUTE: readonly number[] = [99, 101, 113];

const EINPROGRESS = 115;

const MSG_NOSIGNAL = 0x4000;

/** Owner of a socket, as netfilter's `owner` and `skuid` see it. */
export interface Owner {
  /** User ID. */
  readonly uid: number;
  /** Group ID. */
  readonly gid: number;
}

/** Options of an {@linkcode OwnedSocket}. */
interface OwnedSocketOptions {
  readonly owner?: Owner | undefined;
  readonly port?: number;
  readonly datagrams?: boolean;
}

/**
 * A socket of TCP or UDP whose owner and local port are known before it connects or sends, for testing firewall rules. The
 * kernel takes a file's owner from the thread that opens it, so no other process is needed.
 */
export class OwnedSocket implements Disposable {
  /** Local port, reserved while the socket is open. */
  readonly port: number;
  readonly #libc: Libc;
  readonly #fd: number;

  /**
   * Opens a socket and binds it to its local port.
   *
   * @param owner Default: this process.
   * @param port Local port, possibly shared with other sockets. Default: any free one.
   * @param datagrams True for UDP. Default: TCP.
   * @throws {Deno.errors.NotSupported} Without native help (`hasNativeHelper`).
   * @throws {Deno.errors.PermissionDenied} If this process may not act for `owner` (CAP_SETUID, CAP_SETGID).
   * @throws {Deno.errors.AddrNotAvailable} If the system lacks the address family.
   */
  constructor(family: "ipv4" | "ipv6", { owner, port = 0, datagrams = false }: OwnedSocketOptions = {}) {
    const c = libc();
    if (typeof c === "string") throw new Deno.errors.NotSupported(`A socket with an owner ${c}`);
    this.#libc = c;
    const open = () => openSocket(c, family, datagrams);
    this.#fd = owner === undefined ? open() : asOwner(c, owner, open);
    const any = writeSockaddr(new Uint8Array(family === "ipv4" ? 4 : 16), port);
    if (port !== 0) c.setsockopt(this.#fd, SOL_SOCKET, SO_REUSEADDR, new Int32Array([1]), 4);
    const bound = this.#fd >= 0 && c.bind(this.#fd, any, SOCKADDR_SIZE) === 0;
    const name = bound ? readName(c.getsockname, this.#fd) : undefined;
    if (name === undefined) {
      const number = errno(c);
      if (this.#fd >= 0) c.close(this.#fd);
      throw new Deno.errors.AddrNotAvailable(`No socket for ${family}: errno ${number}`);
    }
    this.port = sockaddrPort(name);
  }

  /**
   * Starts to connect, without reporting the outcome.
   *
   * @param to Has an IP address of the socket's family.
   * @returns 0, or the errno of an immediate failure, such as a missing route.
   */
  connect(to: Address): number {
    if (this.#libc.connect(this.#fd, writeSockaddr(hostBytes(to.host)!, to.port), SOCKADDR_SIZE) === 0) return 0;
    const number = errno(this.#libc);
    return number === EINPROGRESS ? 0 : number;
  }

  /**
   * Sends an empty datagram from a socket of UDP, without reporting what becomes of it.
   *
   * @param to As for {@linkcode OwnedSocket.connect}.
   * @returns 0, or the errno of an immediate failure.
   */
  send(to: Address): number {
    const address = writeSockaddr(hostBytes(to.host)!, to.port);
    const sent = this.#libc.sendto(this.#fd, new Uint8Array(0), 0n, MSG_NOSIGNAL, address, SOCKADDR_SIZE);
    return BigInt(sent) < 0n ? errno(this.#libc) : 0;
  }

  /** Resets and closes the socket, so that neither the system nor its firewall keeps the connection. Call it once. */
  [Symbol.dispose](): void {
    this.#libc.connect(this.#fd, new Uint8Array(SOCKADDR_SIZE), SOCKADDR_SIZE);
    this.#libc.close(this.#fd);
  }
}

function openSocket(c: Libc, family: "ipv4" | "ipv6", datagrams: boolean): number {
  return c.socket(family === "ipv4" ? AF_INET : AF_INET6, datagrams ? DATAGRAM : STREAM, 0);
}

/** Reports whether the system has a route to an IP address. Sends no packet: connect() of a datagram socket only looks it up. */
export function hasRoute({ host, port }: Address): boolean {
  const c = libc();
  if (typeof c === "string") return false;
  const bytes = hostBytes(host)!;
  const fd = c.socket(bytes.length === 4 ? AF_INET : AF_INET6, DATAGRAM, 0);
  if (fd < 0) return false;
  const routed = c.connect(fd, writeSockaddr(bytes, port), SOCKADDR_SIZE) === 0;
  c.close(fd);
  return routed;
}

/** Runs `action` with this thread's file system user and group changed; no other thread sees it. */
function asOwner(c: Libc, { uid, gid }: Owner, action: () => number): number {
  // The group first: the thread may lose the right to change it together with its user.
  const [group, user] = [c.setfsgid(gid), c.setfsuid(uid)];
  try {
    // Each call returns the previous ID and never an error; a second call shows the current one.
    if (c.setfsuid(uid) >>> 0 !== uid || c.setfsgid(gid) >>> 0 !== gid) {
      throw new Deno.errors.PermissionDenied(`Not permitted to act for user ${uid} and group ${gid}`);
    }
    return action();
  } finally {
    c.setfsuid(user >>> 0);
    c.setfsgid(group >>> 0);
  }
}
