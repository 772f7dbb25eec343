import { AF_UNIX } from "./constants.ts";
import { errno, libc } from "./libc.ts";

/** SOCK_DGRAM, SOCK_NONBLOCK and SOCK_CLOEXEC. */
export const DATAGRAM = 2 | 0o4000 | 0o2000000;
const MSG_NOSIGNAL = 0x4000;

const CLOCK_MONOTONIC = 1;

/**
 * Sends a datagram to a UNIX socket without waiting.
 *
 * @param path Path of the socket, or its name in the abstract namespace after an `@` (unix(7)).
 * @throws {Deno.errors.NotSupported} Without native help (`hasNativeHelper`), or if the system does not send it.
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

/** The kernel's monotonic clock, in microseconds; undefined without native help. */
export function monotonicMicroseconds(): bigint | undefined {
  const c = libc();
  const time = new BigInt64Array(2);
  if (typeof c === "string" || c.clock_gettime(CLOCK_MONOTONIC, new Uint8Array(time.buffer)) !== 0) return undefined;
  return time[0]! * 1_000_000n + time[1]! / 1000n;
}
