import { SO_PROTOCOL } from "./connection.ts";
import { AF_INET6, EPERM, SOL_IP, SOL_IPV6, SOL_SOCKET, STREAM } from "./constants.ts";
import { listenerDescriptors, option } from "./descriptors.ts";
import { errno, libc } from "./libc.ts";

/** At its level for IPv4 and for IPv6: a socket may have an address that this machine does not have. */
const IP_TRANSPARENT = 19, IPV6_TRANSPARENT = 75;

/** Whether an IPv6 socket takes no IPv4. */
const IPV6_V6ONLY = 26;
export const SO_REUSEADDR = 2;

/** A program of classic BPF says of each packet how much of it the socket gets. */
const SO_ATTACH_FILTER = 26;

/** Numbers of the transport protocols (IANA) of what listens where `listener` does; none where that can't be told. */
export function listeningProtocols(listener: Deno.TcpListener): number[] {
  const c = libc();
  if (typeof c === "string") return [];
  return listenerDescriptors(c, listener).flatMap((fd) => option(c, fd, SOL_SOCKET, SO_PROTOCOL) ?? []);
}

/**
 * Lets `listener` take what rules of TPROXY give it: connections to addresses that this machine does not have.
 *
 * @throws {Deno.errors.NotSupported} Where `hasNativeHelper` says so too.
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
