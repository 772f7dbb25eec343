/**
 * What Linux offers and Deno does not: the original destination of a redirected connection, a reset, a shutdown beneath
 * a blocked write, the limit on open files, a socket of another user's, and datagrams to a service manager. The only file
 * with FFI to the C library; it needs `--allow-ffi` and no other permission.
 *
 * Each call is one that the kernel answers at once, within microseconds, so that none is worth a thread.
 *
 * @module
 */
import type { Address } from "./address.ts";
import { canonicalHost, hostBytes } from "./ip.ts";
import { readSockaddr, sameAddress, SOCKADDR_SIZE, sockaddrPort, writeSockaddr } from "./sockaddr.ts";

const SOL_IP = 0;
const SOL_IPV6 = 41;
/** The destination before netfilter changed it; the same number at either level. */
const SO_ORIGINAL_DST = 80;
/** At its level for IPv4 and for IPv6: a socket may have an address that this machine does not have. */
const IP_TRANSPARENT = 19, IPV6_TRANSPARENT = 75;
/** Whether an IPv6 socket takes no IPv4. */
const IPV6_V6ONLY = 26;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
/** A program of classic BPF says of each packet how much of it the socket gets. */
const SO_ATTACH_FILTER = 26;
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
/** Whether a socket listens. */
const SO_ACCEPTCONN = 30;
/** The number of a socket's transport protocol. */
const SO_PROTOCOL = 38;
const SHUT_WR = 1;
const RLIMIT_NOFILE = 7;
const RLIM_INFINITY = 2n ** 64n - 1n;
const EPERM = 1, ENOENT = 2;

const AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10;
/** SOCK_STREAM, SOCK_NONBLOCK and SOCK_CLOEXEC. */
const STREAM = 1 | 0o4000 | 0o2000000;
/** SOCK_DGRAM, SOCK_NONBLOCK and SOCK_CLOEXEC. */
const DATAGRAM = 2 | 0o4000 | 0o2000000;
const EINPROGRESS = 115;
const MSG_NOSIGNAL = 0x4000;
const CLOCK_MONOTONIC = 1;

const SYMBOLS = {
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  dup: { parameters: ["i32"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  setfsgid: { parameters: ["u32"], result: "i32" },
  setfsuid: { parameters: ["u32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** The C library, or why there is none, once somebody asked. */
let loaded: Libc | string | undefined;

function libc(): Libc | string {
  return loaded ??= load();
}

function load(): Libc | string {
  if (Deno.build.os !== "linux") return `needs Linux; this is ${Deno.build.os}`;
  let why = "";
  for (const name of ["libc.so.6", `libc.musl-${Deno.build.arch}.so.1`]) {
    try {
      return Deno.dlopen(name, SYMBOLS).symbols;
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) return "needs the permission --allow-ffi";
      why ||= String(error);
    }
  }
  return `needs the C library: ${why}`;
}

/** Whether this process can use what this file offers; `why` says what is missing, for a message at start. */
export function hasNativeHelper(): { ok: true } | { ok: false; why: string } {
  const found = libc();
  return typeof found === "string" ? { ok: false, why: found } : { ok: true };
}

/**
 * Where `conn` was going before a rule of iptables or nftables redirected it to us, over IPv4 or IPv6.
 *
 * A connection that came straight to us answers its own local address: whoever passes it on makes a loop.
 *
 * @param conn An accepted connection.
 * @returns The destination; an IPv4 one as IPv4, though an IPv6 socket may have accepted it.
 * @throws {Deno.errors.NotSupported} Where {@linkcode hasNativeHelper} says so too.
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

/** Numbers of the transport protocols (IANA) of what listens where `listener` does; none where that can't be told. */
export function listeningProtocols(listener: Deno.TcpListener): number[] {
  const c = libc();
  if (typeof c === "string") return [];
  return listenerDescriptors(c, listener).flatMap((fd) => option(c, fd, SOL_SOCKET, SO_PROTOCOL) ?? []);
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

/**
 * Lets `listener` take what rules of TPROXY give it: connections to addresses that this machine does not have.
 *
 * @throws {Deno.errors.NotSupported} Where {@linkcode hasNativeHelper} says so too.
 * @throws {Deno.errors.PermissionDenied} Without the right to it (CAP_NET_ADMIN or CAP_NET_RAW).
 */
export function makeTransparent(listener: Deno.TcpListener): void {
  const c = libc();
  if (typeof c === "string") throw new Deno.errors.NotSupported(`TPROXY ${c}`);
  const fds = listenerDescriptors(c, listener);
  if (fds.length === 0) throw new Deno.errors.NotFound("TPROXY: the listener has ended");
  const [level, option] = listener.addr.hostname.includes(":")
    ? [SOL_IPV6, IPV6_TRANSPARENT]
    : [SOL_IP, IP_TRANSPARENT];
  if (fds.every((fd) => c.setsockopt(fd, level, option, new Int32Array([1]), 4) === 0)) return;
  const number = errno(c);
  if (number === EPERM) throw new Deno.errors.PermissionDenied("TPROXY needs the capability CAP_NET_ADMIN");
  throw new Deno.errors.NotSupported(`TPROXY: setsockopt failed with errno ${number}`);
}

/**
 * A filter that drops SYN, and lets all else pass. The byte at 13 of TCP's head has the flags (RFC 9293, 3.1), of which
 * SYN is 2. Each instruction has a code, the jumps where a test is true and where it is not, and an operand.
 */
const DROP_SYN = instructions([0x30, 0, 0, 13], [0x45, 0, 1, 2], [0x06, 0, 0, 0], [0x06, 0, 0, 0xffffffff]);

function instructions(...all: [code: number, whenTrue: number, whenFalse: number, operand: number][]) {
  const bytes = new Uint8Array(all.length * 8), fields = new DataView(bytes.buffer);
  all.forEach(([code, whenTrue, whenFalse, operand], at) => {
    fields.setUint16(at * 8, code, true);
    bytes.set([whenTrue, whenFalse], at * 8 + 2);
    fields.setUint32(at * 8 + 4, operand, true);
  });
  return bytes;
}

/**
 * Has the kernel drop requests for connections at `listener`. Connections that have begun still arrive; a client whose
 * request was dropped sends another one after a second, which meets whatever listens there then.
 *
 * @returns False where that can't be done.
 */
export function dropConnectionRequests(listener: Deno.TcpListener): boolean {
  const c = libc();
  if (typeof c === "string") return false;
  const fds = listenerDescriptors(c, listener);
  // struct sock_fprog: the number of instructions, and a pointer to them.
  const program = new DataView(new ArrayBuffer(16));
  program.setUint16(0, DROP_SYN.length / 8, true);
  program.setBigUint64(8, BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(DROP_SYN))), true);
  const bytes = new Uint8Array(program.buffer);
  return fds.length > 0 && fds.every((fd) => c.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, bytes, bytes.length) === 0);
}

/** The sockets of this process that listen where a listener does, other workers' too: Deno tells its own nowhere. */
function listenerDescriptors(c: Libc, { addr }: Deno.TcpListener): number[] {
  return [...openDescriptors(c)].filter((fd) => namesAddress(c.getsockname, fd, addr) && listens(c, fd));
}

function listens(c: Libc, fd: number): boolean {
  return option(c, fd, SOL_SOCKET, SO_ACCEPTCONN) === 1;
}

/** The value of a socket's option that is one number; undefined where the socket does not have it. */
function option(c: Libc, fd: number, level: number, number: number): number | undefined {
  const value = new Int32Array(1);
  return c.getsockopt(fd, level, number, value, new Uint32Array([4])) === 0 ? value[0] : undefined;
}

/** Whether a new IPv6 socket at `::` takes no IPv4 (net.ipv6.bindv6only); false where that can't be told. */
export function bindsIpv6Only(): boolean {
  const c = libc();
  if (typeof c === "string") return false;
  const fd = c.socket(AF_INET6, STREAM, 0);
  if (fd < 0) return false;
  const value = new Int32Array(1);
  const told = c.getsockopt(fd, SOL_IPV6, IPV6_V6ONLY, value, new Uint32Array([4])) === 0;
  c.close(fd);
  return told && value[0] === 1;
}

/** The number of files that this process may have open (soft RLIMIT_NOFILE), or null where that can't be told. */
export function fileLimit(): number | null {
  const c = libc();
  return typeof c === "string" ? null : descriptorLimit(c);
}

/** The number of files that this process has open, or null where that can't be told. */
export function openFiles(): number | null {
  const c = libc();
  if (typeof c === "string") return null;
  let count = 0;
  for (const _ of openDescriptors(c)) count++;
  return count;
}

/** Whose a socket is: what netfilter's `owner` and `skuid` see. */
export interface Owner {
  /** A user's number. */
  readonly uid: number;
  /** A group's number. */
  readonly gid: number;
}

/**
 * A TCP socket whose owner and local port are known before it connects, to prove rules with. The kernel takes a file's
 * owner from the thread that opens it, so that no other process is needed.
 */
export class OwnedSocket implements Disposable {
  /** Its local port, its own as long as it is open. */
  readonly port: number;
  readonly #libc: Libc;
  readonly #fd: number;

  /**
   * Makes a socket.
   *
   * @param owner Default: this process.
   * @param port Its local port, which others may have as well. Default: any free one.
   * @throws {Deno.errors.NotSupported} Where {@linkcode hasNativeHelper} says so too.
   * @throws {Deno.errors.PermissionDenied} When this process may not act for `owner` (CAP_SETUID, CAP_SETGID).
   * @throws {Deno.errors.AddrNotAvailable} When the system does not have the family.
   */
  constructor(family: "ipv4" | "ipv6", { owner, port = 0 }: { owner?: Owner | undefined; port?: number } = {}) {
    const c = libc();
    if (typeof c === "string") throw new Deno.errors.NotSupported(`A socket with an owner ${c}`);
    this.#libc = c;
    this.#fd = owner === undefined ? openSocket(c, family) : asOwner(c, owner, () => openSocket(c, family));
    const any = writeSockaddr(new Uint8Array(family === "ipv4" ? 4 : 16), port);
    if (port !== 0) c.setsockopt(this.#fd, SOL_SOCKET, SO_REUSEADDR, new Int32Array([1]), 4);
    if (this.#fd < 0 || c.bind(this.#fd, any, SOCKADDR_SIZE) !== 0 || !readName(c.getsockname, this.#fd)) {
      const number = errno(c);
      if (this.#fd >= 0) c.close(this.#fd);
      throw new Deno.errors.AddrNotAvailable(`No socket for ${family}: errno ${number}`);
    }
    this.port = sockaddrPort(name);
  }

  /**
   * Begins to connect; what comes of it, only the other end tells.
   *
   * @param to Its host an IP address of the socket's family.
   * @returns 0, or the number of the error for which the system does not even begin, such as no route.
   */
  connect(to: Address): number {
    if (this.#libc.connect(this.#fd, writeSockaddr(hostBytes(to.host)!, to.port), SOCKADDR_SIZE) === 0) return 0;
    const number = errno(this.#libc);
    return number === EINPROGRESS ? 0 : number;
  }

  /** Resets and closes it, so that neither the system nor its firewall keeps the connection. Call it once. */
  [Symbol.dispose](): void {
    this.#libc.connect(this.#fd, new Uint8Array(SOCKADDR_SIZE), SOCKADDR_SIZE);
    this.#libc.close(this.#fd);
  }
}

function openSocket(c: Libc, family: "ipv4" | "ipv6"): number {
  return c.socket(family === "ipv4" ? AF_INET : AF_INET6, STREAM, 0);
}

/** Whether the system has a route to an IP address. Sends no packet: a datagram socket's connect() only looks it up. */
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
  // The group first: without root's user the thread might not be allowed to change it.
  const [group, user] = [c.setfsgid(gid), c.setfsuid(uid)];
  try {
    // Either call answers what was before it, and nothing else.
    if (c.setfsuid(uid) >>> 0 !== uid || c.setfsgid(gid) >>> 0 !== gid) {
      throw new Deno.errors.PermissionDenied(`No right to act for user ${uid} and group ${gid}`);
    }
    return action();
  } finally {
    c.setfsuid(user >>> 0);
    c.setfsgid(group >>> 0);
  }
}

/**
 * Sends one datagram to a UNIX socket of somebody else's, without waiting.
 *
 * @param path The socket's; behind an `@`, its name in the abstract namespace (unix(7)).
 * @throws {Deno.errors.NotSupported} Where {@linkcode hasNativeHelper} says so too, and when the system does not send it.
 */
export function sendDatagram(path: string, text: string): void {
  const c = libc();
  if (typeof c === "string") throw new Deno.errors.NotSupported(c);
  const encoder = new TextEncoder();
  const address = encoder.encode(`\0\0${path.replace(/^@/, "\0")}`), bytes = encoder.encode(text);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  const fd = c.socket(AF_UNIX, DATAGRAM, 0);
  const sent = fd < 0 ? -1n : c.sendto(fd, bytes, BigInt(bytes.length), MSG_NOSIGNAL, address, address.length);
  const number = errno(c);
  if (fd >= 0) c.close(fd);
  if (BigInt(sent) < 0n) throw new Deno.errors.NotSupported(`can't be sent to ${path}: errno ${number}`);
}

/** The kernel's monotonic clock, in microseconds; undefined where that can't be told. */
export function monotonicMicroseconds(): bigint | undefined {
  const c = libc();
  const time = new BigInt64Array(2);
  if (typeof c === "string" || c.clock_gettime(CLOCK_MONOTONIC, new Uint8Array(time.buffer)) !== 0) return undefined;
  return time[0]! * 1_000_000n + time[1]! / 1000n;
}

function descriptorLimit(c: Libc): number | null {
  const limits = new BigUint64Array(2);
  if (c.getrlimit(RLIMIT_NOFILE, new Uint8Array(limits.buffer)) !== 0) return null;
  const soft = limits[0]!;
  return soft === RLIM_INFINITY ? Infinity : Number(soft);
}

function onDescriptor(conn: Deno.TcpConn, clue: Clue, call: (c: Libc, fd: number) => number): boolean {
  const c = libc();
  if (typeof c === "string") return false;
  const fd = descriptorOf(c, conn, clue);
  return fd !== undefined && call(c, fd) === 0;
}

/** Whether the kernel has confirmed Deno's word on an accepted connection: then it is no use to search for another. */
let denoIsRight = false;

/** The descriptors of the sockets that the last search saw, by their local ports, which several may share. */
const seen = new Map<number, number[]>();

/** How many searches there were. */
let searches = 0;

/**
 * How often all files of this process were looked through so far. That takes a millisecond for each thousand, so that
 * when thousands of connections end at once, one search must do for all that were there.
 */
export function searchesSoFar(): number {
  return searches;
}

/** What helps to find a connection's descriptor. */
export interface Clue {
  /** What {@linkcode searchesSoFar} was when the connection came to be: a later search has seen it. */
  readonly searches: number;
  /** The descriptor that it probably has. */
  readonly likely: number | undefined;
}

/**
 * The descriptor of the next socket that is opened, as the kernel gives the lowest free number; another thread may get
 * it instead. Undefined without native help, and when no files are left.
 */
export function nextDescriptor(): number | undefined {
  const c = libc();
  if (typeof c === "string") return undefined;
  const fd = c.dup(0);
  if (fd < 0) return undefined;
  c.close(fd);
  return fd;
}

/**
 * The file descriptor of `conn`. Deno tells that of an accepted connection under a symbol of its own, and that of a
 * dialled one nowhere; any is taken only if the kernel gives it the addresses of `conn`, which no two have alike.
 *
 * @returns Undefined when the connection has ended.
 */
function descriptorOf(c: Libc, conn: Deno.TcpConn, { searches: since, likely }: Clue): number | undefined {
  const symbol = Object.getOwnPropertySymbols(conn).find(({ description }) => description === "Deno.internal.fd");
  const told: unknown = symbol === undefined ? undefined : Reflect.get(conn, symbol);
  if (typeof told === "number") {
    if (isDescriptorOf(c, told, conn)) {
      denoIsRight = true;
      return told;
    }
    if (denoIsRight) return undefined;
  }
  if (likely !== undefined && isDescriptorOf(c, likely, conn)) return likely;
  if (since === searches) search(c);
  return seen.get(conn.localAddr.port)?.find((fd) => isDescriptorOf(c, fd, conn));
}

function search(c: Libc): void {
  searches++;
  seen.clear();
  for (const fd of openDescriptors(c)) {
    if (!readName(c.getsockname, fd)) continue;
    const port = sockaddrPort(name);
    const fds = seen.get(port);
    if (fds === undefined) seen.set(port, [fd]);
    else fds.push(fd);
  }
}

const name = new Uint8Array(SOCKADDR_SIZE);
const nameSize = new Uint32Array(1);

function isDescriptorOf(c: Libc, fd: number, conn: Deno.TcpConn): boolean {
  return namesAddress(c.getsockname, fd, conn.localAddr) && namesAddress(c.getpeername, fd, conn.remoteAddr);
}

function namesAddress(call: Libc["getsockname"], fd: number, { hostname, port }: Deno.NetAddr): boolean {
  const address = readName(call, fd) ? readSockaddr(name) : undefined;
  return address !== undefined && sameAddress(address, { host: hostname, port });
}

function readName(call: Libc["getsockname"], fd: number): boolean {
  nameSize[0] = SOCKADDR_SIZE;
  return call(fd, name, nameSize) === 0;
}

const POLLFD_SIZE = 8;
const POLLNVAL = 0x20;
const POLL_BATCH = 16384;
/** The kernel gives the lowest free number, so that nobody lives beyond so many closed ones in a row. */
const WIDEST_GAP = 131072;

/** The open file descriptors, in order. Deno lets nobody but `--allow-all` read /proc/self/fd, so poll() tells. */
function* openDescriptors(c: Libc): Generator<number> {
  const limit = descriptorLimit(c) ?? 0;
  let lastOpen = 0;
  for (let first = 0; first < limit && first - lastOpen < WIDEST_GAP; first += POLL_BATCH) {
    const count = Math.min(POLL_BATCH, limit - first);
    const polled = new Uint8Array(count * POLLFD_SIZE);
    const fields = new DataView(polled.buffer);
    for (let i = 0; i < count; i++) fields.setInt32(i * POLLFD_SIZE, first + i, true);
    if (c.poll(polled, BigInt(count), 0) < 0) return;
    for (let i = 0; i < count; i++) {
      if ((fields.getUint16(i * POLLFD_SIZE + 6, true) & POLLNVAL) === 0) yield lastOpen = first + i;
    }
  }
}

function errno(c: Libc): number {
  const location = c.__errno_location();
  return location === null ? 0 : new Deno.UnsafePointerView(location).getInt32();
}
