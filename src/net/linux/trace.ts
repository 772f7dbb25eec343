import { setTimeout as sleep } from "node:timers/promises";
import { hostBytes } from "../ip.ts";
import { AF_INET, AF_INET6, SOL_IP, SOL_IPV6, SOL_SOCKET } from "./constants.ts";
import { type Libc, libc } from "./libc.ts";
import { readSockaddr, SOCKADDR_SIZE, writeSockaddr } from "./sockaddr.ts";
import { DATAGRAM } from "./system.ts";

/** A hop of a path: its address, or null if it did not answer. */
export type Hop = string | null;

/** A path to trace. */
export interface Traced {
  /** Destination, an IP address. */
  readonly to: string;
  /** Local address to send from. */
  readonly from: string;
  /** Device to leave by. */
  readonly device: string;
}

/** Greatest number of hops looked for: more than nearly all paths of the Internet have. */
const MAX_HOPS = 24;

/** Time that hops have to answer, in milliseconds; half of it passes before those that have not are asked again. */
const PATIENCE = 1500;

/** Interval of looks at the answers, in milliseconds. */
const INTERVAL = 25;

/** First port of the probes, as traceroute has it: nothing is expected to listen there. */
const PORT = 33434;

const SO_BINDTODEVICE = 25;
const IP_TTL = 2, IP_RECVERR = 11, IPV6_UNICAST_HOPS = 16, IPV6_RECVERR = 25;
const MSG_DONTWAIT = 0x40, MSG_ERRQUEUE = 0x2000;

/** Size of `sock_extended_err`, and its origins (linux/errqueue.h). */
const ERROR_SIZE = 16, ORIGIN_ICMP = 2, ORIGIN_ICMP6 = 3;

interface Probe {
  readonly fd: number;
  readonly ttl: number;
  hop: Hop;
}

/**
 * Finds the routers on a path, as far as they answer, by datagrams that they have to discard (IP_TTL, IP_RECVERR). Needs
 * no capability. Takes 1.5 s at most; sends 48 datagrams of 1 byte at most.
 *
 * @returns The hops in order, the destination itself the last one if it answered; undefined where the system can't tell
 * (not Linux, or without `--allow-ffi`).
 */
export async function trace(path: Traced): Promise<Hop[] | undefined> {
  const c = libc(), to = hostBytes(path.to), from = hostBytes(path.from);
  if (typeof c === "string" || to === null || from === null) return undefined;
  const probes: Probe[] = [];
  try {
    for (let ttl = 1; ttl <= MAX_HOPS; ttl++) {
      const fd = openProbe(c, to, from, path.device, ttl);
      if (fd < 0) return undefined;
      probes.push({ fd, ttl, hop: null });
    }
    const send = () => {
      for (const { fd, hop } of lacking(probes)) if (hop === null) c.sendto(fd, Uint8Array.of(0), 1n, 0, null, 0);
    };
    const began = performance.now();
    let asked = 1;
    send();
    while (lacking(probes).length > 0) {
      await sleep(INTERVAL);
      for (const probe of lacking(probes)) probe.hop = answerOf(c, probe.fd);
      const passed = performance.now() - began;
      if (passed > PATIENCE) break;
      if (asked === 1 && passed > PATIENCE / 2) {
        asked = 2;
        send();
      }
    }
    return hopsOf(probes.map(({ hop }) => hop), path.to);
  } finally {
    for (const { fd } of probes) c.close(fd);
  }

  /** Probes without an answer, up to the first that the destination answered. */
  function lacking(all: readonly Probe[]): Probe[] {
    const end = all.findIndex(({ hop }) => hop === path.to);
    return all.slice(0, end < 0 ? all.length : end).filter(({ hop }) => hop === null);
  }
}

/** Cuts what comes after the destination, or after the last hop that answered. */
export function hopsOf(hops: readonly Hop[], to: string): Hop[] {
  const end = hops.indexOf(to);
  return hops.slice(0, (end < 0 ? hops.findLastIndex((hop) => hop !== null) : end) + 1);
}

/** Opens a socket whose datagrams live for `ttl` hops. @returns Its descriptor; negative if that failed. */
function openProbe(c: Libc, to: Uint8Array, from: Uint8Array, device: string, ttl: number): number {
  const v4 = to.length === 4;
  const fd = c.socket(v4 ? AF_INET : AF_INET6, DATAGRAM, 0);
  if (fd < 0) return fd;
  const name = new TextEncoder().encode(`${device}\0`);
  const set = (option: number, value: number) =>
    c.setsockopt(fd, v4 ? SOL_IP : SOL_IPV6, option, new Int32Array([value]), 4) === 0;
  const ready = c.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, name.length) === 0 &&
    c.bind(fd, writeSockaddr(from, 0), SOCKADDR_SIZE) === 0 && set(v4 ? IP_TTL : IPV6_UNICAST_HOPS, ttl) &&
    set(v4 ? IP_RECVERR : IPV6_RECVERR, 1) && c.connect(fd, writeSockaddr(to, PORT + ttl), SOCKADDR_SIZE) === 0;
  if (ready) return fd;
  c.close(fd);
  return -1;
}

/** Takes the address of the router, or of the destination, that answered a probe; null if none has. */
function answerOf(c: Libc, fd: number): Hop {
  const control = new Uint8Array(512), data = new Uint8Array(64), vector = new BigUint64Array(2);
  vector[0] = addressOf(data);
  vector[1] = BigInt(data.length);
  // struct msghdr of a 64-bit system: name, its length, iovec and its count, control and its length, flags.
  const message = new Uint8Array(56), fields = new DataView(message.buffer);
  fields.setBigUint64(16, addressOf(vector), true);
  fields.setBigUint64(24, 1n, true);
  fields.setBigUint64(32, addressOf(control), true);
  fields.setBigUint64(40, BigInt(control.length), true);
  if (BigInt(c.recvmsg(fd, message, MSG_ERRQUEUE | MSG_DONTWAIT)) < 0n) return null;
  return offenderOf(control.subarray(0, Number(fields.getBigUint64(40, true))));
}

/** The sender of an ICMP error, in control messages (cmsg(3)); null if there is none. */
export function offenderOf(control: Uint8Array): Hop {
  const view = new DataView(control.buffer, control.byteOffset, control.length);
  for (let at = 0; at + 16 <= control.length;) {
    const size = Number(view.getBigUint64(at, true));
    if (size < 16 || at + size > control.length) return null;
    const [level, type] = [view.getInt32(at + 8, true), view.getInt32(at + 12, true)];
    const isError = level === SOL_IP && type === IP_RECVERR || level === SOL_IPV6 && type === IPV6_RECVERR;
    const error = control.subarray(at + 16, at + size);
    if (isError && [ORIGIN_ICMP, ORIGIN_ICMP6].includes(error[4] ?? 0) && error.length >= ERROR_SIZE + 16) {
      const sockaddr = new Uint8Array(SOCKADDR_SIZE);
      sockaddr.set(error.subarray(ERROR_SIZE, ERROR_SIZE + SOCKADDR_SIZE));
      return readSockaddr(sockaddr)?.host ?? null;
    }
    at += (size + 7) & ~7;
  }
  return null;
}

function addressOf(buffer: Uint8Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer));
}
