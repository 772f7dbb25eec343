import { type Address } from "../address.ts";
import { canonicalHost } from "../ip.ts";
import { readSockaddr, SOCKADDR_SIZE } from "./sockaddr.ts";
import { ENOENT, SOL_IP, SOL_IPV6, SOL_SOCKET } from "./constants.ts";
import { type Clue, descriptorOf, onDescriptor, option, searchesSoFar } from "./descriptors.ts";
import { errno, libc } from "./libc.ts";

/** The destination before netfilter changed it; the same number for IPv4 and IPv6. */
const SO_ORIGINAL_DST = 80;
const IPPROTO_TCP = 6;

const TCP_INFO = 11;

/** Socket option: number of the transport protocol. */
export const SO_PROTOCOL = 38;
const SHUT_WR = 1;

/** Socket option: the device that packets leave by and arrive at. */
const SO_BINDTODEVICE = 25;

/**
 * Destination of `conn` before a rule of iptables or nftables redirected it here, over IPv4 or IPv6.
 *
 * For a connection that was not redirected this is its own local address; forwarding it there makes a loop.
 *
 * @param conn An accepted connection.
 * @returns The destination; of IPv4 as IPv4, even if an IPv6 socket accepted the connection.
 * @throws {Deno.errors.NotSupported} Without native help (`hasNativeHelper`).
 * @throws {Deno.errors.NotFound} If the kernel does not track connections, or this one has ended.
 */
export function originalDestination(conn: Deno.TcpConn): Address {
  const c = libc();
  if (typeof c === "string") throw new Deno.errors.NotSupported(`The original destination ${c}`);
  const fd = descriptorOf(c, conn, { searches: searchesSoFar(), likely: undefined });
  if (fd === undefined) throw new Deno.errors.NotFound("No original destination: the connection has ended");
  const level = canonicalHost(conn.localAddr.hostname).includes(":") ? SOL_IPV6 : SOL_IP;
  const sockaddr = new Uint8Array(SOCKADDR_SIZE);
  const failed = c.getsockopt(fd, level, SO_ORIGINAL_DST, sockaddr, new Uint32Array([SOCKADDR_SIZE])) !== 0;
  const destination = failed ? undefined : readSockaddr(sockaddr);
  if (destination !== undefined) return destination;
  const number = errno(c);
  const reason = number === ENOENT
    ? "the kernel does not track this connection"
    : `getsockopt failed with errno ${number}`;
  throw new Deno.errors.NotFound(`No original destination: ${reason}`);
}

/**
 * Resets `conn`: the other end sees the reset immediately, and pending operations here fail. The caller then closes it.
 *
 * @returns False without native help, or if the connection has ended.
 */
export function resetConnection(conn: Deno.TcpConn, clue: Clue): boolean {
  // connect() to the family AF_UNSPEC, which is 0, dissolves the association of a socket with its peer.
  return onDescriptor(conn, clue, (c, fd) => c.connect(fd, new Uint8Array(SOCKADDR_SIZE), SOCKADDR_SIZE));
}

/**
 * Half-closes `conn` during a blocked write, which fails; bytes already handed to the kernel still arrive.
 *
 * @returns False under the conditions of {@linkcode resetConnection}.
 */
export function shutdownWrite(conn: Deno.TcpConn, clue: Clue): boolean {
  return onDescriptor(conn, clue, (c, fd) => c.shutdown(fd, SHUT_WR));
}

/**
 * Pins `conn` to a network device: the kernel looks up routes over that device only, and takes packets from no other. Needs
 * no capability where the socket is not pinned yet (Linux 5.7).
 *
 * @returns The reason if it failed; undefined if it is pinned.
 */
export function pinToDevice(conn: Deno.TcpConn, clue: Clue, device: string): string | undefined {
  let failed = "the connection has ended";
  const name = new TextEncoder().encode(`${device}\0`);
  const pinned = onDescriptor(conn, clue, (c, fd) => {
    const result = c.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, name.length);
    if (result !== 0) failed = `errno ${errno(c)}`;
    return result;
  });
  if (pinned) return undefined;
  const c = libc();
  return typeof c === "string" ? `that ${c}` : failed;
}

/** Number of a connection's transport protocol (IANA); undefined if unknown. */
export function protocolOf(conn: Deno.TcpConn, clue: Clue): number | undefined {
  let protocol: number | undefined;
  onDescriptor(conn, clue, (c, fd) => {
    protocol = option(c, fd, SOL_SOCKET, SO_PROTOCOL);
    return 0;
  });
  return protocol;
}

/** Consecutive retransmissions without an acknowledgement; 0 if unknown. */
export function retransmissionsOf(conn: Deno.TcpConn, clue: Clue): number {
  const info = new Uint8Array(8);
  // tcpi_retransmits: a buffer shorter than the kernel's structure receives its beginning.
  onDescriptor(conn, clue, (c, fd) => c.getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, new Uint32Array([info.length])));
  return info[2]!;
}

/**
 * Lowers TCP options of a connection that exceed their limits; lower settings of the system stay.
 *
 * @param limits Maximum values by option number (tcp(7)).
 */
export function lowerTcpOptions(conn: Deno.TcpConn, clue: Clue, limits: ReadonlyMap<number, number>): void {
  onDescriptor(conn, clue, (c, fd) => {
    for (const [number, limit] of limits) {
      const value = option(c, fd, IPPROTO_TCP, number);
      if (value !== undefined && value > limit) c.setsockopt(fd, IPPROTO_TCP, number, new Int32Array([limit]), 4);
    }
    return 0;
  });
}
