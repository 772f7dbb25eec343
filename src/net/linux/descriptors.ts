import { readSockaddr, sameAddress, SOCKADDR_SIZE, sockaddrPort } from "../sockaddr.ts";
import { SOL_SOCKET } from "./constants.ts";
import { type Libc, libc } from "./libc.ts";

/** Whether a socket listens. */
const SO_ACCEPTCONN = 30;
const RLIMIT_NOFILE = 7;

const RLIM_INFINITY = 2n ** 64n - 1n;

/** The sockets of this process that listen where a listener does, other workers' too: Deno tells its own nowhere. */
export function listenerDescriptors(c: Libc, { addr }: Deno.TcpListener): number[] {
  return [...openDescriptors(c)].filter((fd) => namesAddress(c.getsockname, fd, addr) && listens(c, fd));
}

function listens(c: Libc, fd: number): boolean {
  return option(c, fd, SOL_SOCKET, SO_ACCEPTCONN) === 1;
}

/** The value of a socket's option that is one number; undefined where the socket does not have it. */
export function option(c: Libc, fd: number, level: number, number: number): number | undefined {
  const value = new Int32Array(1);
  return c.getsockopt(fd, level, number, value, new Uint32Array([4])) === 0 ? value[0] : undefined;
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

function descriptorLimit(c: Libc): number | null {
  const limits = new BigUint64Array(2);
  if (c.getrlimit(RLIMIT_NOFILE, new Uint8Array(limits.buffer)) !== 0) return null;
  const soft = limits[0]!;
  return soft === RLIM_INFINITY ? Infinity : Number(soft);
}

export function onDescriptor(conn: Deno.TcpConn, clue: Clue, call: (c: Libc, fd: number) => number): boolean {
  const c = libc();
  if (typeof c === "string") return false;
  const fd = descriptorOf(c, conn, clue);
  return fd !== undefined && call(c, fd) === 0;
}

/** Whether the kernel has confirmed Deno's word on an accepted connection: then it is no use to search for another. */
let denoReliable = false;

/** The descriptors of the sockets that the last search saw, by their local ports, which several may share. */
const seen = new Map<number, number[]>();

/** How many searches there were. */
export let searches = 0;

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
export function descriptorOf(c: Libc, conn: Deno.TcpConn, { searches: since, likely }: Clue): number | undefined {
  const symbol = Object.getOwnPropertySymbols(conn).find(({ description }) => description === "Deno.internal.fd");
  const told: unknown = symbol === undefined ? undefined : Reflect.get(conn, symbol);
  if (typeof told === "number") {
    if (isDescriptorOf(c, told, conn)) {
      denoReliable = true;
      return told;
    }
    if (denoReliable) return undefined;
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

export const name = new Uint8Array(SOCKADDR_SIZE);

const nameSize = new Uint32Array(1);

function isDescriptorOf(c: Libc, fd: number, conn: Deno.TcpConn): boolean {
  return namesAddress(c.getsockname, fd, conn.localAddr) && namesAddress(c.getpeername, fd, conn.remoteAddr);
}

function namesAddress(call: Libc["getsockname"], fd: number, { hostname, port }: Deno.NetAddr): boolean {
  const address = readName(call, fd) ? readSockaddr(name) : undefined;
  return address !== undefined && sameAddress(address, { host: hostname, port });
}

export function readName(call: Libc["getsockname"], fd: number): boolean {
  nameSize[0] = SOCKADDR_SIZE;
  return call(fd, name, nameSize) === 0;
}

const POLLFD_SIZE = 8;
const POLLNVAL = 0x20;

const POLL_BATCH = 16384;

/** The kernel gives the lowest free number, so that nobody lives beyond so many closed ones in a row. */
const MAX_GAP = 131072;

/** The open file descriptors, in order. Deno lets nobody but `--allow-all` read /proc/self/fd, so poll() tells. */
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
