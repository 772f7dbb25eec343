import { bytesHost, hostBytes } from "../ip.ts";
import { AF_INET, AF_INET6 } from "./constants.ts";
import { type Libc, libc } from "./libc.ts";
import { askKernel, attributesIn, NLMSG_ERROR, numberIn } from "./netlink.ts";

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
  /** Their local port. Default: none. */
  readonly fromPort?: number;
  /** Their protocol, if they have a port. Default: TCP. */
  readonly protocol?: Protocol;
}

/** A protocol with ports. */
export type Protocol = "tcp" | "udp";

/** A rule that sends packets to a table (ip-rule(8)), as far as channels are concerned. */
export interface Rule {
  /** Number of the table. */
  readonly table: number;
  /** Destination, an IP address. */
  readonly to?: string;
  /** Local address. */
  readonly from?: string;
  /** Local ports, inclusive. */
  readonly ports?: readonly [first: number, last: number];
  /** The only protocol that it takes. */
  readonly protocol?: Protocol | "other";
}

/** Types of messages about routes and rules (rtnetlink(7)), and a flag. */
const RTM_NEWROUTE = 24, RTM_GETROUTE = 26, RTM_NEWRULE = 32, RTM_GETRULE = 34;
const RTM_F_LOOKUP_TABLE = 0x1000;

/** Attributes of routes. */
const RTA_DST = 1, RTA_SRC = 2, RTA_OIF = 4, RTA_GATEWAY = 5, RTA_PREFSRC = 7, RTA_TABLE = 15, RTA_VIA = 18;
const RTA_IP_PROTO = 27, RTA_SPORT = 28;

/** Attributes of rules. */
const FRA_DST = 1, FRA_SRC = 2, FRA_TABLE = 15, FRA_IP_PROTO = 22, FRA_SPORT_RANGE = 23;

/** Types of routes: those that lead somewhere, and those at which packets end. */
const UNICAST = 1, LOCAL = 2, BLACKHOLE = 6, UNREACHABLE = 7, PROHIBIT = 8;

/** Size of `struct rtmsg` and of `struct fib_rule_hdr`, and places in them. */
const HEADER = 12, DST_LENGTH = 1, SRC_LENGTH = 2, TABLE = 4, TYPE = 7, FLAGS = 8;

/** Numbers of protocols. */
const NUMBERS: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17 };

/** errno of a look-up that ends at an unreachable route, or at none: ENETUNREACH, EHOSTUNREACH, EACCES and EINVAL. */
const NOWHERE = [101, 113, 13, 22];

/**
 * Asks the kernel for the route of packets, as `ip route get` does. Sends nothing, and needs no capability.
 *
 * @returns `unreachable` if there is none; undefined if the system can't tell (not Linux, or without `--allow-ffi`).
 */
export function routeOf({ to, from, fromPort, protocol = "tcp" }: Flow): Route | "unreachable" | undefined {
  const c = libc(), destination = hostBytes(to);
  if (typeof c === "string" || destination === null) return undefined;
  const source = from === undefined ? null : hostBytes(from);
  const header = headerOf(destination.length), bits = 8 * destination.length;
  header[DST_LENGTH] = bits;
  if (source !== null) header[SRC_LENGTH] = bits;
  new DataView(header.buffer).setUint32(FLAGS, RTM_F_LOOKUP_TABLE, true);
  const attributes: [number, Uint8Array][] = [
    [RTA_DST, destination],
    ...source === null ? [] : [[RTA_SRC, source]] satisfies [number, Uint8Array][],
    ...fromPort === undefined ? [] : [
      [RTA_IP_PROTO, Uint8Array.of(NUMBERS[protocol])],
      [RTA_SPORT, Uint8Array.of(fromPort >> 8, fromPort & 255)],
    ] satisfies [number, Uint8Array][],
  ];
  const [reply] = askKernel(c, { type: RTM_GETROUTE, header, attributes }) ?? [];
  if (reply?.type === NLMSG_ERROR) return NOWHERE.includes(errorIn(reply.body)) ? "unreachable" : undefined;
  return reply?.type === RTM_NEWROUTE ? decodeRoute(c, reply.body) : undefined;
}

/**
 * Reports whether a routing table ends in a route at which packets go nowhere (unreachable, blackhole or prohibit), so that
 * no later table takes them. Needs no capability.
 *
 * @returns Undefined if the system can't tell (also a kernel before 4.20).
 */
export function tableEnds(table: number, family: "ipv4" | "ipv6"): boolean | undefined {
  const c = libc();
  if (typeof c === "string") return undefined;
  const header = headerOf(family === "ipv4" ? 4 : 16), number = new Uint8Array(4);
  new DataView(number.buffer).setUint32(0, table, true);
  const routes = askKernel(c, { type: RTM_GETROUTE, header, attributes: [[RTA_TABLE, number]], dump: true });
  // An error means that there is no such table.
  return routes?.some(({ type, body }) =>
    type === RTM_NEWROUTE && body[DST_LENGTH] === 0 && [BLACKHOLE, UNREACHABLE, PROHIBIT].includes(body[TYPE]!)
  );
}

/** Lists the rules that lead to tables, the first one first. Needs no capability. @returns Undefined if the system can't tell. */
export function routingRules(family: "ipv4" | "ipv6"): Rule[] | undefined {
  const c = libc();
  if (typeof c === "string") return undefined;
  const header = headerOf(family === "ipv4" ? 4 : 16);
  return askKernel(c, { type: RTM_GETRULE, header, dump: true })?.flatMap(({ type, body }) =>
    type === RTM_NEWRULE && body.length >= HEADER ? [decodeRule(body)] : []
  );
}

function headerOf(length: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(HEADER);
  header[0] = length === 4 ? AF_INET : AF_INET6;
  return header;
}

/** The errno in a message of type NLMSG_ERROR. */
function errorIn(body: Uint8Array<ArrayBuffer>): number {
  return -new DataView(body.buffer, body.byteOffset).getInt32(0, true);
}

function decodeRoute(c: Libc, body: Uint8Array<ArrayBuffer>): Route | "unreachable" | undefined {
  if (body.length < HEADER || ![UNICAST, LOCAL].includes(body[TYPE]!)) return "unreachable";
  const attributes = attributesIn(body, HEADER);
  const index = numberIn(attributes.get(RTA_OIF)), via = attributes.get(RTA_VIA);
  const device = index === undefined ? undefined : deviceName(c, index);
  if (device === undefined) return undefined;
  // An IPv4 destination by an IPv6 router: the family comes first.
  const router = attributes.get(RTA_GATEWAY) ?? via?.subarray(2), local = attributes.get(RTA_PREFSRC);
  return {
    device,
    ...router !== undefined && { gateway: bytesHost(router) },
    ...local !== undefined && { local: bytesHost(local) },
    table: numberIn(attributes.get(RTA_TABLE)) ?? body[TABLE]!,
  };
}

function decodeRule(body: Uint8Array<ArrayBuffer>): Rule {
  const attributes = attributesIn(body, HEADER);
  const to = attributes.get(FRA_DST), from = attributes.get(FRA_SRC), ports = attributes.get(FRA_SPORT_RANGE);
  const protocol = attributes.get(FRA_IP_PROTO)?.[0];
  const range = ports === undefined ? undefined : new DataView(ports.buffer, ports.byteOffset);
  return {
    table: numberIn(attributes.get(FRA_TABLE)) ?? body[TABLE]!,
    ...to !== undefined && body[DST_LENGTH] === 8 * to.length && { to: bytesHost(to) },
    ...from !== undefined && body[SRC_LENGTH] === 8 * from.length && { from: bytesHost(from) },
    ...range !== undefined && { ports: [range.getUint16(0, true), range.getUint16(2, true)] as const },
    ...protocol !== undefined && { protocol: protocolOf(protocol) },
  };
}

function protocolOf(number: number): Protocol | "other" {
  if (number === NUMBERS.tcp) return "tcp";
  return number === NUMBERS.udp ? "udp" : "other";
}

function deviceName(c: Libc, index: number): string | undefined {
  const name = new Uint8Array(16);
  if (c.if_indextoname(index, name) === null) return undefined;
  return new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
}
