import { bytesHost, hostBytes } from "../ip.ts";
import { AF_INET, AF_INET6 } from "./constants.ts";
import { type Libc, libc } from "./libc.ts";
import { SOCKADDR_SIZE } from "./sockaddr.ts";

/** The way that the kernel sends packets to a destination now. */
export interface Route {
  /** Name of the device that they leave by. */
  readonly device: string;
  /** The next router; undefined where the destination is on the link. */
  readonly gateway?: string;
  /** Local address that the kernel takes for them, unless they have one. */
  readonly local?: string;
  /** Number of the routing table; 254 is `main`. */
  readonly table: number;
}

/** Packets whose route to look up. */
export interface Flow {
  /** Destination, an IP address. */
  readonly to: string;
  /** Their local address. Default: the kernel chooses. */
  readonly from?: string;
  /** Their local TCP port. Default: none. */
  readonly fromPort?: number;
}

/** Netlink (rtnetlink(7)): AF_NETLINK, SOCK_RAW with SOCK_NONBLOCK and SOCK_CLOEXEC, and types of messages. */
const AF_NETLINK = 16, RAW = 3 | 0o4000 | 0o2000000;
const RTM_GETROUTE = 26, RTM_NEWROUTE = 24, NLMSG_ERROR = 2, NLM_F_REQUEST = 1;
const RTM_F_LOOKUP_TABLE = 0x1000;

/** Attributes of routes. */
const RTA_DST = 1, RTA_SRC = 2, RTA_OIF = 4, RTA_GATEWAY = 5, RTA_PREFSRC = 7, RTA_TABLE = 15, RTA_VIA = 18;
const RTA_IP_PROTO = 27, RTA_SPORT = 28;

const HEADERS = 16 + 12, TCP = 6;

/** errno of a look-up that ends at an unreachable route, or at none: ENETUNREACH, EHOSTUNREACH, EACCES and EINVAL. */
const UNREACHABLE = [101, 113, 13, 22];

/**
 * Asks the kernel for the route of packets, as `ip route get` does. Sends nothing, and needs no capability.
 *
 * @returns `unreachable` if there is none; undefined if the system can't tell (not Linux, or without `--allow-ffi`).
 */
export function routeOf({ to, from, fromPort }: Flow): Route | "unreachable" | undefined {
  const c = libc(), destination = hostBytes(to);
  if (typeof c === "string" || destination === null) return undefined;
  const source = from === undefined ? null : hostBytes(from);
  const request = encodeRequest(destination, [
    [RTA_DST, destination],
    ...source === null ? [] : [[RTA_SRC, source] as const],
    ...fromPort === undefined ? [] : [
      [RTA_IP_PROTO, Uint8Array.of(TCP)] as const,
      [RTA_SPORT, Uint8Array.of(fromPort >> 8, fromPort & 255)] as const,
    ],
  ]);
  const reply = exchange(c, request);
  if (reply === undefined) return undefined;
  const view = new DataView(reply.buffer, reply.byteOffset, reply.length);
  const type = view.getUint16(4, true);
  if (type === NLMSG_ERROR) return UNREACHABLE.includes(-view.getInt32(16, true)) ? "unreachable" : undefined;
  return type === RTM_NEWROUTE ? decodeRoute(c, reply, view) : undefined;
}

function encodeRequest(destination: Uint8Array, attributes: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const size = attributes.reduce((sum, [, value]) => sum + aligned(4 + value.length), HEADERS);
  const request = new Uint8Array(size), view = new DataView(request.buffer);
  view.setUint32(0, size, true);
  view.setUint16(4, RTM_GETROUTE, true);
  view.setUint16(6, NLM_F_REQUEST, true);
  const bits = 8 * destination.length;
  request.set([destination.length === 4 ? AF_INET : AF_INET6, bits], 16);
  if (attributes.some(([type]) => type === RTA_SRC)) request[18] = bits;
  view.setUint32(24, RTM_F_LOOKUP_TABLE, true);
  let at = HEADERS;
  for (const [type, value] of attributes) {
    view.setUint16(at, 4 + value.length, true);
    view.setUint16(at + 2, type, true);
    request.set(value, at + 4);
    at += aligned(4 + value.length);
  }
  return request;
}

function aligned(length: number): number {
  return (length + 3) & ~3;
}

/** Sends a request and returns the kernel's reply, which it makes before `sendto` returns; undefined if there is none. */
function exchange(c: Libc, request: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const fd = c.socket(AF_NETLINK, RAW, 0);
  if (fd < 0) return undefined;
  const kernel = new Uint8Array(SOCKADDR_SIZE), reply = new Uint8Array(4096);
  kernel[0] = AF_NETLINK;
  const bytes = new Uint8Array(request);
  const sent = c.sendto(fd, bytes, BigInt(bytes.length), 0, kernel, 12);
  const length = BigInt(sent) < 0n ? 0 : Number(c.recv(fd, reply, BigInt(reply.length), 0));
  c.close(fd);
  return length < 20 ? undefined : reply.subarray(0, length);
}

function decodeRoute(c: Libc, reply: Uint8Array, view: DataView): Route | "unreachable" | undefined {
  // rtm_type: RTN_UNICAST and RTN_LOCAL lead somewhere.
  if (reply.length < HEADERS || ![1, 2].includes(reply[23]!)) return "unreachable";
  let device: string | undefined, gateway: string | undefined, local: string | undefined, table = reply[20]!;
  for (let at = HEADERS; at + 4 <= reply.length;) {
    const size = view.getUint16(at, true), type = view.getUint16(at + 2, true);
    if (size < 4 || at + size > reply.length) break;
    const value = reply.subarray(at + 4, at + size);
    if (type === RTA_OIF) device = deviceName(c, view.getUint32(at + 4, true));
    else if (type === RTA_GATEWAY) gateway = bytesHost(value);
    // An IPv4 destination by an IPv6 router: the family comes first.
    else if (type === RTA_VIA) gateway = bytesHost(value.subarray(2));
    else if (type === RTA_PREFSRC) local = bytesHost(value);
    else if (type === RTA_TABLE) table = view.getUint32(at + 4, true);
    at += aligned(size);
  }
  if (device === undefined) return undefined;
  return { device, ...gateway !== undefined && { gateway }, ...local !== undefined && { local }, table };
}

function deviceName(c: Libc, index: number): string | undefined {
  const name = new Uint8Array(16);
  if (c.if_indextoname(index, name) === null) return undefined;
  return new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
}
