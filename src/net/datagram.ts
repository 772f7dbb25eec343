import type { Address } from "./address.ts";
import { addressAt, ENDPOINT_WORDS } from "./endpoint.ts";
import { withoutZone } from "./ip.ts";

/** Greatest number of datagrams in a batch: as many as Linux takes in a call. */
export const MAX_BATCH = 1024;

/** Longest payload of a UDP datagram over IPv4 or IPv6 without jumbograms, in bytes. */
export const MAX_DATAGRAM = 65_527;

/** The result of sending a datagram. */
export enum SendOutcome {
  /** The system took it. */
  Sent,
  /** It does not fit the path's MTU, and must not be fragmented. */
  TooLarge,
  /** The system's buffers were full. */
  Blocked,
  /** Any other reason: no route, a firewall, a local address that this machine lost. */
  Failed,
}

/**
 * Room for datagrams that are received, or sent, in one call. All of it is allocated at once and used again and again; the
 * arrays are public since an object for each datagram would cost more than the datagram.
 */
export class DatagramBatch {
  /** Number of datagrams that fit. */
  readonly capacity: number;
  /** Longest datagram that fits, in bytes. */
  readonly size: number;
  /** The payloads: {@linkcode capacity} slots, each of {@linkcode size} bytes filled up to a multiple of 8. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** Offset of each datagram there: that of its slot, unless one to send was put elsewhere. */
  readonly offsets: Uint32Array<ArrayBuffer>;
  /** Length of each datagram in bytes; `size + 1` for one received that was longer than `size`, and is not whole. */
  readonly lengths: Uint32Array<ArrayBuffer>;
  /** The other side's address of each, as {@linkcode ENDPOINT_WORDS} words. */
  readonly remotes: Uint32Array<ArrayBuffer>;
  /**
   * This side's address of each, as {@linkcode ENDPOINT_WORDS} words: the destination of one received, its scope the number
   * of the device; the source of one to send, or zeros for the system's choice. The port is 0, and not used, but for a
   * datagram that TPROXY handed over: then it is that of the destination.
   */
  readonly locals: Uint32Array<ArrayBuffer>;
  /** Traffic class of each: DSCP in the upper six bits, ECN in the lower two (RFC 2474, RFC 3168). */
  readonly classes: Uint8Array<ArrayBuffer>;
  /** The {@linkcode SendOutcome} of each that was sent. */
  readonly outcomes: Uint8Array<ArrayBuffer>;
  readonly #slots: readonly Uint8Array<ArrayBuffer>[];
  readonly #views: Uint8Array<ArrayBuffer>[];

  /**
   * Allocates a batch.
   *
   * @param capacity 1 to {@linkcode MAX_BATCH}.
   * @param size 1 to {@linkcode MAX_DATAGRAM}, in bytes.
   * @throws {RangeError} If either is out of range.
   */
  constructor(capacity: number, size: number) {
    if (!(capacity >= 1 && capacity <= MAX_BATCH)) throw new RangeError(`a batch of ${capacity} datagrams`);
    if (!(size >= 1 && size <= MAX_DATAGRAM)) throw new RangeError(`datagrams of ${size} bytes`);
    this.capacity = capacity;
    this.size = size;
    const stride = size + 7 & ~7, data = this.data = new Uint8Array(capacity * stride);
    this.offsets = Uint32Array.from({ length: capacity }, (_, index) => index * stride);
    this.lengths = new Uint32Array(capacity);
    this.remotes = new Uint32Array(capacity * ENDPOINT_WORDS);
    this.locals = new Uint32Array(capacity * ENDPOINT_WORDS);
    this.classes = new Uint8Array(capacity);
    this.outcomes = new Uint8Array(capacity);
    this.#slots = Array.from({ length: capacity }, (_, at) => data.subarray(at * stride, at * stride + size));
    this.#views = [...this.#slots];
  }

  /** The whole room of a datagram, `size` bytes, where it is from now on; always the same array. */
  slot(index: number): Uint8Array<ArrayBuffer> {
    const slot = this.#slots[index]!;
    this.offsets[index] = slot.byteOffset;
    return slot;
  }

  /** A view of a datagram's bytes. The same array is returned as long as place and length are the same. */
  bytes(index: number): Uint8Array<ArrayBuffer> {
    const length = Math.min(this.lengths[index]!, this.size), offset = this.offsets[index]!, view = this.#views[index]!;
    if (view.length === length && view.byteOffset === offset) return view;
    return this.#views[index] = this.data.subarray(offset, offset + length);
  }

  /** Reports whether a datagram received was longer than its room. */
  isCut(index: number): boolean {
    return this.lengths[index]! > this.size;
  }

  /** The other side's address of a datagram, for logs and tests: it makes text. */
  remote(index: number): Address {
    return addressAt(this.remotes, index * ENDPOINT_WORDS);
  }

  /** This side's address of a datagram, for logs and tests: it makes text. */
  local(index: number): Address {
    const { host, port } = addressAt(this.locals, index * ENDPOINT_WORDS);
    return { host: withoutZone(host), port };
  }
}

/** Options of a {@linkcode DatagramSocket}. */
export interface DatagramOptions {
  /** Other sockets with this option may have the same address; the system spreads remote addresses over them. */
  readonly shared?: boolean;
  /** It talks to one address only: at any local address, it need not tell which one a datagram was sent to. */
  readonly outgoing?: boolean;
  /** Name of the device that packets leave by and arrive at. Default: any. */
  readonly device?: string;
  /**
   * Makes the socket transparent (Linux, with CAP_NET_ADMIN): a `listener` receives what TPROXY hands over, with the
   * destination's port in {@linkcode DatagramBatch.locals}; a `source` sends from its address, which is another machine's,
   * receives nothing, and may have the same address as others, and the port of a listener. Default: neither.
   */
  readonly transparent?: "listener" | "source";
}

/**
 * A UDP socket, real or in memory. The holder owns it and closes it once; further calls have no effect.
 *
 * Datagrams are never fragmented on the way where the system can prevent it.
 */
export interface DatagramSocket {
  /** Its address, with the actual port if 0 was requested. */
  readonly address: Address;
  /** True if traffic classes are read and set; otherwise they are 0, and those of datagrams to send are ignored. */
  readonly hasClasses: boolean;
  /**
   * Sends the first `count` datagrams of a batch without waiting, and sets their outcomes. A datagram that can't be sent
   * holds up none behind it, except that after {@linkcode SendOutcome.Blocked} all others are blocked, too.
   *
   * @returns The number of those sent. After closing: 0, and all have failed.
   */
  send(batch: DatagramBatch, count: number): number;
  /**
   * Waits for datagrams, and fills a batch from its start with those that have arrived. The batch belongs to the socket until
   * the promise settles. At most one call may be pending. Resolves in a later turn of the event loop, so that a flood does
   * not keep others from running.
   *
   * @returns Their number, at least 1; 0 after {@linkcode DatagramSocket.close}, which settles a pending call.
   */
  receive(batch: DatagramBatch): Promise<number>;
  /**
   * Fills a batch with datagrams that are there already, without waiting; no call of {@linkcode DatagramSocket.receive} may be
   * pending.
   *
   * @returns Their number; 0 also where the system can't tell without waiting.
   */
  receiveNow(batch: DatagramBatch): number;
  /**
   * The longest payload that reaches an address in one packet, as far as the system knows now, in bytes; undefined if it
   * can't tell. Sends nothing.
   *
   * @param to Has an IP address of the socket's family.
   */
  maxPayload(to: Address): number | undefined;
  /** Closes the socket. Datagrams that were sent are unaffected. */
  close(): void;
}

/** Makes UDP sockets: the system's (`systemDatagrams`), or those in memory for tests. */
export interface DatagramNetwork {
  /**
   * Binds a socket.
   *
   * @param at Has an IP address; `::` includes IPv4. Port 0 stands for any free one.
   * @throws {Deno.errors.NotSupported} If the system can't do what the options ask for; the message says what that needs.
   * @throws The system's error, for example that the address is in use.
   */
  bind(at: Address, options?: DatagramOptions): DatagramSocket;
}
