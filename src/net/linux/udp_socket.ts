import { setImmediate } from "node:timers";
import { type Address, formatAddress } from "../address.ts";
import { type DatagramBatch, type DatagramOptions, type DatagramSocket, MAX_BATCH, SendOutcome } from "../datagram.ts";
import { scopeIn } from "../endpoint.ts";
import { canonicalHost, hostBytes } from "../ip.ts";
import { AF_INET, AF_INET6, SOL_IP, SOL_IPV6, SOL_SOCKET } from "./constants.ts";
import { option, readName } from "./descriptors.ts";
import { EventPoll } from "./event_poll.ts";
import { errno, type Libc, libc } from "./libc.ts";
import { IP_TRANSPARENT, IPV6_TRANSPARENT, SO_REUSEADDR } from "./listener.ts";
import { HEADER_SIZE, MessageVector } from "./message_vector.ts";
import { IP_ORIGDSTADDR, IPV6_ORIGDSTADDR, SOL_UDP, UDP_GRO, UDP_SEGMENT } from "./message_words.ts";
import { ReceivedMessages } from "./received_messages.ts";
import { readSockaddr, SOCKADDR_SIZE, writeSockaddr } from "./sockaddr.ts";
import { DATAGRAM } from "./system.ts";

/** Options of sockets (socket(7), ip(7), ipv6(7)). */
const SO_SNDBUF = 7, SO_RCVBUF = 8, SO_REUSEPORT = 15, SO_BINDTODEVICE = 25, IPV6_V6ONLY = 26;
const IP_PKTINFO = 8, IP_MTU_DISCOVER = 10, IP_RECVTOS = 13, IP_MTU = 14;
const IPV6_MTU_DISCOVER = 23, IPV6_MTU = 24, IPV6_RECVPKTINFO = 49, IPV6_RECVTCLASS = 66;

/** Sets DF, and refuses what does not fit the path's MTU as far as it is known. */
const PMTUDISC_DO = 2;

const MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000;

const EPERM = 1, EAGAIN = 11, EACCES = 13, ENODEV = 19, EMSGSIZE = 90, EADDRINUSE = 98, EADDRNOTAVAIL = 99;
const ENOBUFS = 105, EIO = 5;

/** Bytes that the kernel is asked to buffer in each direction; it lowers them to its own limit (net.core.rmem_max). */
const BUFFER = 4 * 1024 * 1024;

/** Bytes of the headers of IPv4 and UDP, and of IPv6 and UDP. */
const IPV4_HEADERS = 28, IPV6_HEADERS = 48;

/**
 * A UDP socket of Linux that moves many datagrams in a call, with their local addresses and traffic classes. Sets DF.
 * ICMP errors are not reported, except that one with a path's MTU makes later datagrams {@linkcode SendOutcome.TooLarge}.
 */
export class UdpSocket implements DatagramSocket {
  readonly address: Address;
  readonly hasClasses = true;
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #ipv6: boolean;
  readonly #poll: EventPoll;
  readonly #device: string | undefined;
  /** True while the kernel cuts messages into datagrams (Linux 4.18): 0.5 us for each, instead of 1.3. */
  #segments: boolean;
  /** Datagrams that were read and did not fit the batch. */
  #received: ReceivedMessages | undefined;
  /** Messages to read in a call. */
  #messages = MAX_BATCH;
  #closed = false;

  /**
   * Opens and binds a socket.
   *
   * @param at Has an IP address; a link-local one needs its zone. `::` includes IPv4.
   * @throws {Deno.errors.NotSupported} Without native help (`hasNativeHelper`), or the capability that `transparent` needs.
   * @throws The system's error.
   */
  constructor(at: Address, { shared = false, device, transparent }: DatagramOptions = {}) {
    const c = libc(), bytes = hostBytes(at.host);
    if (typeof c === "string") throw new Deno.errors.NotSupported(`A UDP socket of many datagrams a call ${c}`);
    if (bytes === null) throw new TypeError(`not an IP address: "${at.host}"`);
    this.#libc = c;
    this.#device = device;
    this.#ipv6 = bytes.length === 16;
    const scope = scopeIn(at.host);
    const fd = this.#fd = open(c, this.#ipv6);
    try {
      if (shared) this.#set(SOL_SOCKET, SO_REUSEPORT, 1);
      if (device !== undefined) bindToDevice(c, fd, device);
      if (transparent !== undefined) this.#setTransparent(transparent);
      if (c.bind(fd, writeSockaddr(bytes, at.port, scope), SOCKADDR_SIZE) !== 0) {
        throw systemError(errno(c), `bind a UDP socket to ${formatAddress(at)}`);
      }
      this.address = { host: canonicalHost(at.host), port: readSockaddr(readName(c.getsockname, fd)!)!.port };
      // After binding, which must fail where another socket listens.
      if (transparent === "listener") this.#set(SOL_SOCKET, SO_REUSEADDR, 1);
      this.#configure(transparent === "source" ? 0 : BUFFER);
      this.#segments = option(c, fd, SOL_UDP, UDP_SEGMENT) !== undefined;
      const poll = EventPoll.register(c, fd);
      if (poll === undefined) throw systemError(errno(c), "wait for datagrams");
      this.#poll = poll;
    } catch (error) {
      c.close(fd);
      throw error;
    }
  }

  /** Asks for what {@linkcode DatagramOptions.transparent} says. @throws {Deno.errors.NotSupported} Without the right. */
  #setTransparent(use: "listener" | "source"): void {
    // A socket of IPv6 has the options of both, as it may carry IPv4, too.
    const levels = this.#ipv6 ? [[SOL_IPV6, IPV6_TRANSPARENT, IPV6_ORIGDSTADDR]] : [];
    for (const [level, transparent, original] of [[SOL_IP, IP_TRANSPARENT, IP_ORIGDSTADDR], ...levels]) {
      const failed = this.#libc.setsockopt(this.#fd, level!, transparent!, new Int32Array([1]), 4) !== 0;
      if (failed && errno(this.#libc) === EPERM) {
        throw new Deno.errors.NotSupported("TPROXY for UDP needs the capability CAP_NET_ADMIN");
      }
      if (failed) throw systemError(errno(this.#libc), "make a UDP socket transparent");
      if (use === "listener") this.#set(level!, original!, 1);
    }
    if (use === "source") this.#set(SOL_SOCKET, SO_REUSEADDR, 1);
  }

  #configure(receiveBuffer: number): void {
    this.#set(SOL_SOCKET, SO_RCVBUF, receiveBuffer);
    this.#set(SOL_SOCKET, SO_SNDBUF, BUFFER);
    // A socket of IPv6 has the options of both, as it may carry IPv4, too.
    this.#set(SOL_IP, IP_MTU_DISCOVER, PMTUDISC_DO);
    // Fails before Linux 5.0: each datagram is then a message.
    this.#libc.setsockopt(this.#fd, SOL_UDP, UDP_GRO, new Int32Array([1]), 4);
    this.#set(SOL_IP, IP_RECVTOS, 1);
    if (this.#ipv6) {
      this.#set(SOL_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DO);
      this.#set(SOL_IPV6, IPV6_RECVTCLASS, 1);
      this.#set(SOL_IPV6, IPV6_RECVPKTINFO, 1);
    } else {
      this.#set(SOL_IP, IP_PKTINFO, 1);
    }
  }

  #set(level: number, name: number, value: number): void {
    if (this.#libc.setsockopt(this.#fd, level, name, new Int32Array([value]), 4) === 0) return;
    throw systemError(errno(this.#libc), `set option ${name} of a UDP socket`);
  }

  send(batch: DatagramBatch, count: number): number {
    if (this.#closed) {
      batch.outcomes.fill(SendOutcome.Failed, 0, count);
      return 0;
    }
    return this.#segments && count > 1 ? this.#sendSegmented(batch, count) : this.#sendEach(batch, 0, count);
  }

  /** Sends datagrams in as few messages as possible; those of one that fails are sent by themselves. */
  #sendSegmented(batch: DatagramBatch, count: number): number {
    const vector = MessageVector.of(batch), messages = vector.prepareSegments(count, this.#ipv6), { starts } = vector;
    let sent = 0;
    for (let message = 0; message < messages;) {
      const headers = message === 0 ? vector.segmented : vector.segmented.subarray(message * HEADER_SIZE);
      const result = this.#libc.sendmmsg(this.#fd, headers, messages - message, MSG_DONTWAIT | MSG_NOSIGNAL);
      const number = result > 0 ? 0 : errno(this.#libc), start = starts[message]!;
      if (result > 0) {
        message += result;
        batch.outcomes.fill(SendOutcome.Sent, start, starts[message]);
        sent += starts[message]! - start;
      } else if (outcomeOf(number) === SendOutcome.Blocked) {
        batch.outcomes.fill(SendOutcome.Blocked, start, count);
        return sent;
      } else {
        // The device computes no checksums, or one of the datagrams does not fit.
        if (number === EIO) this.#segments = false;
        sent += this.#sendEach(batch, start, starts[++message]!);
      }
    }
    return sent;
  }

  /** Sends the datagrams from `from` to `to`, each in a message of its own. */
  #sendEach(batch: DatagramBatch, from: number, to: number): number {
    const vector = MessageVector.of(batch);
    vector.prepareSend(from, to, this.#ipv6);
    let sent = 0;
    for (let at = from; at < to;) {
      // A view only where something came before: making one takes longer than many a datagram.
      const headers = at === 0 ? vector.headers : vector.headers.subarray(at * HEADER_SIZE);
      const result = this.#libc.sendmmsg(this.#fd, headers, to - at, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (result > 0) {
        batch.outcomes.fill(SendOutcome.Sent, at, at + result);
        at += result;
        sent += result;
        continue;
      }
      const outcome = outcomeOf(errno(this.#libc));
      const end = outcome === SendOutcome.Blocked ? to : at + 1;
      batch.outcomes.fill(outcome, at, end);
      at = end;
    }
    return sent;
  }

  async receive(batch: DatagramBatch): Promise<number> {
    await new Promise<void>((resolve) => void setImmediate(resolve));
    while (!this.#closed) {
      const count = this.receiveNow(batch);
      if (count > 0) return count;
      // Nothing is there, or the error of an earlier datagram, which reading it has cleared: waiting is right for both.
      await this.#poll.wait(this.#fd);
    }
    return 0;
  }

  receiveNow(batch: DatagramBatch): number {
    if (this.#closed) return 0;
    return this.#received === undefined ? this.#read(batch) : this.#deliver(this.#received, batch);
  }

  /** Reads what is there. @returns The number of datagrams in the batch. */
  #read(batch: DatagramBatch): number {
    const received = ReceivedMessages.take(), most = Math.min(this.#messages, batch.capacity);
    const messages = received.read(this.#libc, this.#fd, most);
    this.#received = received;
    const count = this.#deliver(received, batch);
    // As many as will fit, if those to come have as many datagrams each.
    const fit = received.isEmpty ? batch.capacity * messages / count : messages / 2;
    if (count > 0) this.#messages = Math.max(1, Math.floor(fit));
    return count;
  }

  /** Delivers datagrams that were read before, and lets go of their room after the last one. */
  #deliver(received: ReceivedMessages, batch: DatagramBatch): number {
    const count = received.deliver(batch);
    if (received.isEmpty) this.#letGo();
    return count;
  }

  #letGo(): void {
    this.#received?.give();
    this.#received = undefined;
  }

  maxPayload({ host, port }: Address): number | undefined {
    const c = this.#libc, to = hostBytes(host);
    if (this.#closed || to === null || to.length === 16 && !this.#ipv6) return undefined;
    const ipv6 = to.length === 16, from = hostBytes(this.address.host)!;
    const fd = c.socket(ipv6 ? AF_INET6 : AF_INET, DATAGRAM, 0);
    if (fd < 0) return undefined;
    try {
      if (this.#device !== undefined) bindToDevice(c, fd, this.#device);
      const isAny = from.every((byte) => byte === 0);
      if (!isAny && c.bind(fd, writeSockaddr(from, 0, scopeIn(this.address.host)), SOCKADDR_SIZE) !== 0) {
        return undefined;
      }
      if (c.connect(fd, writeSockaddr(to, port, scopeIn(host)), SOCKADDR_SIZE) !== 0) return undefined;
      const mtu = ipv6 ? option(c, fd, SOL_IPV6, IPV6_MTU) : option(c, fd, SOL_IP, IP_MTU);
      return mtu === undefined ? undefined : mtu - (ipv6 ? IPV6_HEADERS : IPV4_HEADERS);
    } catch {
      return undefined;
    } finally {
      c.close(fd);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#poll.unregister(this.#fd);
    this.#libc.close(this.#fd);
    this.#letGo();
  }
}

function open(c: Libc, ipv6: boolean): number {
  const fd = c.socket(ipv6 ? AF_INET6 : AF_INET, DATAGRAM, 0);
  if (fd < 0) throw systemError(errno(c), "open a UDP socket");
  if (ipv6) c.setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, new Int32Array([0]), 4);
  return fd;
}

function bindToDevice(c: Libc, fd: number, device: string): void {
  const name = new TextEncoder().encode(`${device}\0`);
  if (c.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, name.length) === 0) return;
  throw systemError(errno(c), `keep a UDP socket on ${device}`);
}

function outcomeOf(number: number): SendOutcome {
  if (number === EMSGSIZE) return SendOutcome.TooLarge;
  return number === EAGAIN || number === ENOBUFS ? SendOutcome.Blocked : SendOutcome.Failed;
}

/** The error that Deno would throw for an error number. */
function systemError(number: number, what: string): Error {
  const message = `Can't ${what}: errno ${number}`;
  switch (number) {
    case EADDRINUSE:
      return new Deno.errors.AddrInUse(`Can't ${what}: address already in use`);
    case EADDRNOTAVAIL:
      return new Deno.errors.AddrNotAvailable(`Can't ${what}: not an address of this machine`);
    case EPERM:
    case EACCES:
      return new Deno.errors.PermissionDenied(`Can't ${what}: permission denied`);
    case ENODEV:
      return new Deno.errors.NotFound(`Can't ${what}: no such device`);
    default:
      return new Error(message);
  }
}
