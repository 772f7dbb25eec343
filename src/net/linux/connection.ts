import { type Address } from "../address.ts";
import { canonicalHost } from "../ip.ts";
import { readSockaddr, SOCKADDR_SIZE } from "../sockaddr.ts";
import { ENOENT, SOL_IP, SOL_IPV6, SOL_SOCKET } from "./constants.ts";
import { type Clue, descriptorOf, onDescriptor, option, searches } from "./descriptors.ts";
import { errno, libc } from "./libc.ts";

/** The destination before netfilter changed it; the same number at either level. */
const SO_ORIGINAL_DST = 80;
const IPPROTO_TCP = 6;

const TCP_INFO = 11;

/** The number of a socket's transport protocol. */
export const SO_PROTOCOL = 38;
const SHUT_WR = 1;

/**
 * Where `conn` was going before a rule of iptables or nftables redirected it to us, over IPv4 or IPv6.
 *
 * A connection that came straight to us answers its own local address: whoever passes it on makes a loop.
 *
 * @param conn An accepted connection.
 * @returns The destination; an IPv4 one as IPv4, though an IPv6 socket may have accepted it.
 * @throws {Deno.errors.NotSupported} Where `hasNativeHelper` says so too.
 * @throws {Deno.errors.NotFound} When the kernel knows none: it does not track connections, or this one has ended.
 */
export function originalDestination(conn: Deno.TcpConn): Address {
  const c = libc();
  if (typeof c === "string") throw new Deno.errors.NotSupported(`The original destination ${c}`);
  const fd = descriptorOf(c, conn, { searches, likely: undefined });
  if (fd === undefined) throw new Deno.errors.NotFound("No original destination: the connection has ended");
  const level = canonicalHost(conn.localAddr.hostname).includes(":") ? SOL_IPV6 : SOL_IP;
  const sockaddr = new Uint8Array(SOCKADDR_SIZE);
  const failed = c.getsockopt(fd, level, SO_ORIGINAL_DST, sockaddr, new Uint32Array([SOCKADDR_SIZE])) !== 0;
  const destination = failed ? undefined : readSockaddr(sockaddr);
  if (destination !== undefined) return destination;
  const number = errno(c);
  const why = number === ENOENT
    ? "the kernel does not track this connection"
    : `getsockopt failed with errno ${number}`;
  throw new Deno.errors.NotFound(`No original destination: ${why}`);
}

/**
 * Resets `conn`: its other end sees the reset at once, and what is under way on it here fails. The caller then closes it.
 *
 * @returns False when that can't be done: without native help, or because the connection has ended.
 */
export function resetConnection(conn: Deno.TcpConn, clue: Clue): boolean {
  // connect() to the family AF_UNSPEC, which is 0, dissolves the association of a socket with its peer.
  return onDescriptor(conn, clue, (c, fd) => c.connect(fd, new Uint8Array(SOCKADDR_SIZE), SOCKADDR_SIZE));
}

/**
 * Half-closes `conn` beneath a blocked write, which fails; what it had handed over before still arrives.
 *
 * @returns False when that can't be done, as for {@linkcode resetConnection}.
 */
export function shutdownWrite(conn: Deno.TcpConn, clue: Clue): boolean {
  return onDescriptor(conn, clue, (c, fd) => c.shutdown(fd, SHUT_WR));
}

/** Number of the transport protocol (IANA) of a connection; undefined where that can't be told. */
export function protocolOf(conn: Deno.TcpConn, clue: Clue): number | undefined {
  let protocol: number | undefined;
  onDescriptor(conn, clue, (c, fd) => {
    protocol = option(c, fd, SOL_SOCKET, SO_PROTOCOL);
    return 0;
  });
  return protocol;
}

/** How often in a row the kernel has sent bytes of a connection again without an answer; 0 where that can't be told. */
export function retransmissionsOf(conn: Deno.TcpConn, clue: Clue): number {
  const info = new Uint8Array(8);
  // tcpi_retransmits; a shorter buffer than the kernel's structure gets its beginning.
  onDescriptor(conn, clue, (c, fd) => c.getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, new Uint32Array([info.length])));
  return info[2]!;
}

/**
 * Lowers options of a connection's TCP that are above the values given; those that the system has lower stay.
 *
 * @param limits By the options' numbers (tcp(7)).
 */
export function lowerTcpOptions(conn: Deno.TcpConn, clue: Clue, limits: ReadonlyMap<number, number>): void {
  onDescriptor(conn, clue, (c, fd) => {
    for (const [number, most] of limits) {
      const value = option(c, fd, IPPROTO_TCP, number);
      if (value !== undefined && value > most) c.setsockopt(fd, IPPROTO_TCP, number, new Int32Array([most]), 4);
    }
    return 0;
  });
}
