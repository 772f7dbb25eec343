import { sameAddress } from "../address.ts";
import { readSockaddr, SOCKADDR_SIZE, sockaddrPort } from "./sockaddr.ts";
import { SOL_SOCKET } from "./constants.ts";
import { type Libc, libc } from "./libc.ts";

/** Socket option: the socket listens. */
const SO_ACCEPTCONN = 30;
const RLIMIT_NOFILE = 7;
const RLIM_INFINITY = 2n ** 64n - 1n;

/** Descriptors of all sockets of this process, including other workers, that listen at a listener's address. */
export function listenerDescriptors(c: Libc, { addr }: Deno.TcpListener): number[] {
  // Deno does not expose a listener's own descriptor.
  return [...openDescriptors(c)].filter((fd) => {
    return hasAddress(c.getsockname, fd, addr) && option(c, fd, SOL_SOCKET, SO_ACCEPTCONN) === 1;
  });
}

/** Value of a socket option that is a single number; undefined if the socket lacks it. */
export function option(c: Libc, fd: number, level: number, number: number): number | undefined {
  const value = new Int32Array(1);
  return c.getsockopt(fd, level, number, value, new Uint32Array([4])) === 0 ? value[0] : undefined;
}

/** Maximum number of open files of this process (soft RLIMIT_NOFILE); null if unknown. */
export function fileLimit(): number | null {
  const c = libc();
  return typeof c === "string" ? null : descriptorLimit(c);
}

/** Number of open files of this process; null if unknown. */
export function openFiles(): number | null {
  const c = libc();
  if (typeof c === "string") return null;
  let count = 0;
  for (const _ of openDescriptors(c)) count++;
  return count;
}

function descriptorLimit(c: Libc): number | null {
  const limits = new BigUint64Array(2);
  if (c.getrlimit(RLIMIT_NOFILE, new Uint8Array(limits.buffer)) !== 0) return null;
  const soft = limits[0]!;
  return soft === RLIM_INFINITY ? Infinity : Number(soft);
}

/** Calls a function of the C library on a connection's descriptor. @returns False without a descriptor, or if it fails. */
export function onDescriptor(conn: Deno.TcpConn, clue: Clue, call: (c: Libc, fd: number) => number): boolean {
  const c = libc();
  if (typeof c === "string") return false;
  const fd = descriptorOf(c, conn, clue);
  return fd !== undefined && call(c, fd) === 0;
}

/** Helps to find a connection's descriptor. */
export interface Clue {
  /** {@linkcode searchesSoFar} when the connection was established: any later search has seen it. */
  readonly searches: number;
  /** Probable descriptor. */
  readonly likely: number | undefined;
}

/** The descriptors of this process's sockets, as of the last search. */
class DescriptorTable {
  /** By local port, which several sockets may share. */
  readonly #byPort = new Map<number, number[]>();
  /** Set once the kernel has confirmed Deno's descriptor of an accepted connection, which makes searches needless. */
  #denoReliable = false;
  /** Number of searches so far. */
  searches = 0;

  /** Finds the descriptor of a connection; undefined if the connection has ended. */
  find(c: Libc, conn: Deno.TcpConn, { searches, likely }: Clue): number | undefined {
    const symbol = Object.getOwnPropertySymbols(conn).find(({ description }) => description === "Deno.internal.fd");
    const exposed: unknown = symbol === undefined ? undefined : Reflect.get(conn, symbol);
    if (typeof exposed === "number") {
      if (isDescriptorOf(c, exposed, conn)) {
        this.#denoReliable = true;
        return exposed;
      }
      if (this.#denoReliable) return undefined;
    }
    if (likely !== undefined && isDescriptorOf(c, likely, conn)) return likely;
    if (searches === this.searches) this.#search(c);
    return this.#byPort.get(conn.localAddr.port)?.find((fd) => isDescriptorOf(c, fd, conn));
  }

  #search(c: Libc): void {
    this.searches++;
    this.#byPort.clear();
    for (const fd of openDescriptors(c)) {
      const name = readName(c.getsockname, fd);
      if (name === undefined) continue;
      const port = sockaddrPort(name);
      const fds = this.#byPort.get(port);
      if (fds === undefined) this.#byPort.set(port, [fd]);
      else fds.push(fd);
    }
  }
}

/** One table per thread: descriptors belong to the process, and each search sees all of them. */
const table = new DescriptorTable();

/**
 * Number of searches through all files of this process so far. A search takes a millisecond per thousand files, so when
 * thousands of connections end together, a single one must serve all that existed before it.
 */
export function searchesSoFar(): number {
  return table.searches;
}

/**
 * Probable descriptor of the next socket, since the kernel assigns the lowest free number; another thread may take it
 * first. Undefined without native help, and when the process has run out of files.
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
 * The file descriptor of `conn`. Deno exposes it for accepted connections, under an internal symbol, and not at all for
 * dialled ones; a candidate is accepted only if the kernel reports the addresses of `conn` for it, which are unique.
 *
 * @returns undefined if the connection has ended.
 */
export function descriptorOf(c: Libc, conn: Deno.TcpConn, clue: Clue): number | undefined {
  return table.find(c, conn, clue);
}

function isDescriptorOf(c: Libc, fd: number, conn: Deno.TcpConn): boolean {
  return hasAddress(c.getsockname, fd, conn.localAddr) && hasAddress(c.getpeername, fd, conn.remoteAddr);
}

function hasAddress(call: Libc["getsockname"], fd: number, { hostname, port }: Deno.NetAddr): boolean {
  const name = readName(call, fd);
  const address = name && readSockaddr(name);
  return address !== undefined && sameAddress(address, { host: hostname, port });
}

const nameBuffer = new Uint8Array(SOCKADDR_SIZE);
const nameSize = new Uint32Array(1);

/** Reads a socket's own or its peer's `sockaddr`, which is valid until the next call; undefined if that fails. */
export function readName(call: Libc["getsockname"], fd: number): Uint8Array | undefined {
  nameSize[0] = SOCKADDR_SIZE;
  return call(fd, nameBuffer, nameSize) === 0 ? nameBuffer : undefined;
}

const POLLFD_SIZE = 8;
const POLLNVAL = 0x20;
const POLL_BATCH = 16384;

/** Closed descriptors in a row after which none is open: the kernel assigns the lowest free number. */
const MAX_GAP = 131072;

/** All open descriptors in order. Found with poll(), since Deno allows reading /proc/self/fd only with `--allow-all`. */
function* openDescriptors(c: Libc): Generator<number> {
  const limit = descriptorLimit(c) ?? 0;
  let lastOpen = 0;
  for (let first = 0; first < limit && first - lastOpen < MAX_GAP; first += POLL_BATCH) {
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
