import { SO_PROTOCOL } from "./connection.ts";
import { AF_INET6, EPERM, SOL_IP, SOL_IPV6, SOL_SOCKET, STREAM } from "./constants.ts";
import { listenerDescriptors, option } from "./descriptors.ts";
import { errno, libc } from "./libc.ts";

/** Socket options for IPv4 and IPv6: allow addresses that are not assigned to this machine. */
export const IP_TRANSPARENT = 19, IPV6_TRANSPARENT = 75;

/** Socket option: an IPv6 socket excludes IPv4. */
const IPV6_V6ONLY = 26;
export const SO_REUSEADDR = 2;

/** Socket option: a classic BPF program that returns how many bytes of each packet reach the socket. */
const SO_ATTACH_FILTER = 26;

/** Transport protocols (IANA numbers) of all sockets that listen at a listener's address; none if unknown. */
export function listeningProtocols(listener: Deno.TcpListener): number[] {
  const c = libc();
  if (typeof c === "string") return [];
  return listenerDescriptors(c, listener).flatMap((fd) => option(c, fd, SOL_SOCKET, SO_PROTOCOL) ?? []);
}

/**
 * Makes `listener` accept connections from TPROXY, to addresses that are not assigned to this machine.
 *
 * @throws {Deno.errors.NotSupported} Without native help (`hasNativeHelper`).
 * @throws {Deno.errors.PermissionDenied} Without the capability CAP_NET_ADMIN or CAP_NET_RAW.
 */
export function makeTransparent(listener: Deno.TcpListener): void {
  const c = libc();
  if (typeof c === "string") throw new Deno.errors.NotSupported(`TPROXY ${c}`);
  const fds = listenerDescriptors(c, listener);
  if (fds.length === 0) throw new Deno.errors.NotFound("TPROXY: the listener has ended");
  const [level, name] = listener.addr.hostname.includes(":") ? [SOL_IPV6, IPV6_TRANSPARENT] : [SOL_IP, IP_TRANSPARENT];
  if (fds.every((fd) => c.setsockopt(fd, level, name, new Int32Array([1]), 4) === 0)) return;
  const number = errno(c);
  if (number === EPERM) throw new Deno.errors.PermissionDenied("TPROXY needs the capability CAP_NET_ADMIN");
  throw new Deno.errors.NotSupported(`TPROXY: setsockopt failed with errno ${number}`);
}

/**
 * A filter that drops SYN and passes everything else. Byte 13 of the TCP header holds the flags (RFC 9293, 3.1), SYN being
 * 2. An instruction consists of a code, the jumps if a test is true and if it is false, and an operand.
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
 * Makes the kernel drop connection requests (SYN) at `listener`. Connections in the queue can still be accepted; a client
 * whose request was dropped retransmits it after a second, and reaches whatever listens there then.
 *
 * @returns False without native help.
 */
export function dropConnectionRequests(listener: Deno.TcpListener): boolean {
  const c = libc();
  if (typeof c === "string") return false;
  const fds = listenerDescriptors(c, listener);
  // struct sock_fprog: number of instructions, pointer to them.
  const program = new DataView(new ArrayBuffer(16));
  program.setUint16(0, DROP_SYN.length / 8, true);
  program.setBigUint64(8, BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(DROP_SYN))), true);
  const bytes = new Uint8Array(program.buffer);
  return fds.length > 0 && fds.every((fd) => c.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, bytes, bytes.length) === 0);
}

/** Reports whether a new IPv6 socket at `::` excludes IPv4 (net.ipv6.bindv6only); false if unknown. */
export function bindsIpv6Only(): boolean {
  const c = libc();
  if (typeof c === "string") return false;
  const fd = c.socket(AF_INET6, STREAM, 0);
  if (fd < 0) return false;
  const v6Only = option(c, fd, SOL_IPV6, IPV6_V6ONLY);
  c.close(fd);
  return v6Only === 1;
}
