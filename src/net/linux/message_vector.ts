import type { DatagramBatch } from "../datagram.ts";
import { ENDPOINT_WORDS, isMapped, isUnspecified, MAPPED, sameEndpoint } from "../endpoint.ts";
import { AF_INET, AF_INET6, SOL_IP, SOL_IPV6 } from "./constants.ts";

/** Control messages: local address and traffic class (ip(7), ipv6(7)). */
const IP_TOS = 1, IP_PKTINFO = 8, IPV6_PKTINFO = 50, IPV6_TCLASS = 67;

/** Control messages, and options of a socket that ask for them: the destination as the packet has it, with its port. */
export const IP_ORIGDSTADDR = 20, IPV6_ORIGDSTADDR = 74;

/** Control message, and option of a socket: the length of the datagrams that the kernel cuts one message into (udp(7)). */
export const SOL_UDP = 17, UDP_SEGMENT = 103;

/** Datagrams and bytes that one message is cut into at most. */
const MAX_SEGMENTS = 64, MAX_SEGMENTED = 65_000;

/** Words of the kernel's `mmsghdr` of a 64-bit system, and offsets of its fields. */
const HEADER_WORDS = 16, NAME = 0, NAME_LENGTH = 2, VECTOR = 4, VECTOR_COUNT = 6, CONTROL = 8, CONTROL_LENGTH = 10;
const FLAGS = 12, LENGTH = 14;

/** Words of an `iovec`: a pointer and a length. */
const VECTOR_WORDS = 4;

/** Words of a `sockaddr_in6`, and of those that fit a `sockaddr_in`. */
const NAME_WORDS = 7, IPV4_WORDS = 4;

/**
 * Words for control messages: those of an address, 40 bytes at most, of a class and of a segment's length, 24 each, and of
 * an original destination, 48 at most.
 */
const CONTROL_WORDS = 34;

/** Words of the head of a control message: length of 64 bits, level and type. */
const CONTROL_HEAD = 4;

/** The datagram was longer than its room. */
const MSG_TRUNC = 0x20;

/** Bytes of a datagram's `mmsghdr`. */
export const HEADER_SIZE: number = 4 * HEADER_WORDS;

const vectors = new WeakMap<DatagramBatch, MessageVector>();

/**
 * The structures of sendmmsg(2) and recvmmsg(2) for a batch, on a little-endian machine of 64 bits, like all that Deno
 * supports. Made once for a batch: pointers into it stay as they are.
 */
export class MessageVector {
  /** The array of `mmsghdr`, one for each datagram. */
  readonly headers: Uint8Array<ArrayBuffer>;
  /** An array of `mmsghdr` for messages that the kernel cuts into datagrams; {@linkcode prepareSegments} fills it. */
  readonly segmented: Uint8Array<ArrayBuffer>;
  /** The first datagram of each message there, and then the number of all. */
  readonly starts: Uint32Array<ArrayBuffer>;
  readonly #batch: DatagramBatch;
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #iovecs: number;
  readonly #names: number;
  readonly #controls: number;
  readonly #segmentedWords: Uint32Array<ArrayBuffer>;

  private constructor(batch: DatagramBatch) {
    const { capacity, stride } = batch;
    this.#batch = batch;
    this.#iovecs = capacity * HEADER_WORDS;
    this.#names = this.#iovecs + capacity * VECTOR_WORDS;
    // Pairs of words, since control messages begin with 64 bits.
    this.#controls = this.#names + capacity * (NAME_WORDS + 1);
    const words = this.#words = new Uint32Array(this.#controls + capacity * CONTROL_WORDS);
    this.headers = new Uint8Array(words.buffer);
    this.#segmentedWords = new Uint32Array(capacity * HEADER_WORDS);
    this.segmented = new Uint8Array(this.#segmentedWords.buffer);
    this.starts = new Uint32Array(capacity + 1);
    const base = addressOf(this.headers), data = addressOf(batch.data);
    const setPointer = (word: number, pointer: bigint): void => {
      words[word] = Number(pointer & 0xffffffffn);
      words[word + 1] = Number(pointer >> 32n);
    };
    for (let index = 0; index < capacity; index++) {
      const header = index * HEADER_WORDS, vector = this.#iovecs + index * VECTOR_WORDS;
      setPointer(header + NAME, base + 4n * BigInt(this.#name(index)));
      setPointer(header + VECTOR, base + 4n * BigInt(vector));
      setPointer(header + CONTROL, base + 4n * BigInt(this.#control(index)));
      setPointer(vector, data + BigInt(index * stride));
      words[header + VECTOR_COUNT] = 1;
    }
  }

  /** The structures of a batch. */
  static of(batch: DatagramBatch): MessageVector {
    let vector = vectors.get(batch);
    if (vector === undefined) vectors.set(batch, vector = new MessageVector(batch));
    return vector;
  }

  /** Makes room for as many datagrams as fit. */
  prepareReceive(): void {
    const words = this.#words, { capacity, size } = this.#batch;
    for (let index = 0; index < capacity; index++) {
      const header = index * HEADER_WORDS;
      words[header + NAME_LENGTH] = 4 * NAME_WORDS;
      words[header + CONTROL_LENGTH] = 4 * CONTROL_WORDS;
      words[this.#iovecs + index * VECTOR_WORDS + 2] = size;
    }
  }

  /** Takes over the first `count` datagrams that were received, and makes room for as many again. */
  takeReceived(count: number): void {
    const words = this.#words, { lengths } = this.#batch;
    for (let index = 0; index < count; index++) {
      const header = index * HEADER_WORDS;
      lengths[index] = (words[header + FLAGS]! & MSG_TRUNC) !== 0 ? 0 : words[header + LENGTH]!;
      this.#readName(index);
      this.#readControl(index, words[header + CONTROL_LENGTH]!);
      words[header + NAME_LENGTH] = 4 * NAME_WORDS;
      words[header + CONTROL_LENGTH] = 4 * CONTROL_WORDS;
    }
  }

  /** Fills in datagrams to send. @param ipv6 The socket's family; one of IPv6 takes IPv4-mapped addresses. */
  prepareSend(from: number, to: number, ipv6: boolean): void {
    const words = this.#words, { lengths } = this.#batch;
    for (let index = from; index < to; index++) {
      words[this.#iovecs + index * VECTOR_WORDS + 2] = lengths[index]!;
      this.#writeName(index, ipv6);
      words[index * HEADER_WORDS + CONTROL_LENGTH] = this.#writeControl(index, ipv6, false);
    }
  }

  /**
   * Fills in messages for the first `count` datagrams, of which one is for all in a row that go to one address and have one
   * length, but that the last of them may be shorter.
   *
   * @returns The number of messages.
   */
  prepareSegments(count: number, ipv6: boolean): number {
    const words = this.#words, { lengths } = this.#batch;
    let messages = 0;
    for (let start = 0; start < count; messages++) {
      const end = this.#endOfRun(start, count), header = messages * HEADER_WORDS;
      for (let index = start; index < end; index++) words[this.#iovecs + index * VECTOR_WORDS + 2] = lengths[index]!;
      this.#writeName(start, ipv6);
      words[start * HEADER_WORDS + CONTROL_LENGTH] = this.#writeControl(start, ipv6, end - start > 1);
      for (let word = 0; word < HEADER_WORDS; word++) {
        this.#segmentedWords[header + word] = words[start * HEADER_WORDS + word]!;
      }
      this.#segmentedWords[header + VECTOR_COUNT] = end - start;
      this.starts[messages] = start;
      start = end;
    }
    this.starts[messages] = count;
    return messages;
  }

  /** The end of the datagrams from `start` on that one message can carry. */
  #endOfRun(start: number, count: number): number {
    const { lengths, remotes, locals, classes } = this.#batch, length = lengths[start]!, from = start * ENDPOINT_WORDS;
    const limit = length === 0 ? start + 1 : Math.min(count, start + MAX_SEGMENTS);
    let end = start + 1;
    for (let bytes = length; end < limit && lengths[end - 1] === length; end++) {
      const at = end * ENDPOINT_WORDS, next = lengths[end]!;
      bytes += next;
      if (next === 0 || next > length || bytes > MAX_SEGMENTED || classes[end] !== classes[start]) break;
      if (!sameEndpoint(remotes, from, remotes, at) || !sameEndpoint(locals, from, locals, at)) break;
    }
    return end;
  }

  #name(index: number): number {
    return this.#names + index * (NAME_WORDS + 1);
  }

  #control(index: number): number {
    return this.#controls + index * CONTROL_WORDS;
  }

  #readName(index: number): void {
    const words = this.#words, { remotes } = this.#batch, at = this.#name(index), to = index * ENDPOINT_WORDS;
    const head = words[at]!;
    remotes[to + 4] = swapped(head >>> 16);
    if ((head & 0xffff) === AF_INET6) {
      for (let word = 0; word < 4; word++) remotes[to + word] = words[at + 2 + word]!;
      remotes[to + 5] = words[at + 6]!;
    } else {
      writeMapped(remotes, to, words[at + 1]!);
      remotes[to + 5] = 0;
    }
  }

  #writeName(index: number, ipv6: boolean): void {
    const words = this.#words, { remotes } = this.#batch, at = this.#name(index), from = index * ENDPOINT_WORDS;
    words[at] = (ipv6 ? AF_INET6 : AF_INET) | swapped(remotes[from + 4]!) << 16;
    words[index * HEADER_WORDS + NAME_LENGTH] = 4 * (ipv6 ? NAME_WORDS : IPV4_WORDS);
    if (ipv6) {
      words[at + 1] = 0;
      for (let word = 0; word < 4; word++) words[at + 2 + word] = remotes[from + word]!;
      words[at + 6] = remotes[from + 5]!;
    } else {
      words[at + 1] = remotes[from + 3]!;
      words[at + 2] = words[at + 3] = 0;
    }
  }

  /** Reads what a datagram's control messages say. @param length In bytes. */
  #readControl(index: number, length: number): void {
    const words = this.#words, { locals, classes } = this.#batch, to = index * ENDPOINT_WORDS;
    const start = this.#control(index), end = start + (Math.min(length, 4 * CONTROL_WORDS) >>> 2);
    locals.fill(0, to, to + ENDPOINT_WORDS);
    classes[index] = 0;
    for (let at = start; at + CONTROL_HEAD < end;) {
      const size = words[at]!, level = words[at + 2], type = words[at + 3];
      if (size < 4 * CONTROL_HEAD) return;
      if (level === SOL_IP && type === IP_PKTINFO) {
        // struct in_pktinfo: the device's index, a local address, and the packet's destination.
        writeMapped(locals, to, words[at + 6]!);
        locals[to + 5] = words[at + 4]!;
      } else if (level === SOL_IPV6 && type === IPV6_PKTINFO) {
        for (let word = 0; word < 4; word++) locals[to + word] = words[at + 4 + word]!;
        locals[to + 5] = words[at + 8]!;
      } else if (level === SOL_IP && type === IP_TOS || level === SOL_IPV6 && type === IPV6_TCLASS) {
        classes[index] = words[at + 4]!;
      } else if (level === SOL_IP && type === IP_ORIGDSTADDR || level === SOL_IPV6 && type === IPV6_ORIGDSTADDR) {
        // A sockaddr_in or sockaddr_in6; the address is that of the other message.
        locals[to + 4] = swapped(words[at + 4]! >>> 16);
      }
      at += size + 7 >>> 3 << 1;
    }
  }

  /** Writes a datagram's control messages. @returns Their length in bytes. */
  #writeControl(index: number, ipv6: boolean, segmented: boolean): number {
    const words = this.#words, { locals, remotes, classes } = this.#batch, from = index * ENDPOINT_WORDS;
    const start = this.#control(index);
    let at = start;
    if (!isUnspecified(locals, from)) {
      if (ipv6) {
        head(words, at, 20, SOL_IPV6, IPV6_PKTINFO);
        for (let word = 0; word < 4; word++) words[at + 4 + word] = locals[from + word]!;
        words[at + 8] = words[at + 9] = 0;
        at += 10;
      } else {
        head(words, at, 12, SOL_IP, IP_PKTINFO);
        words[at + 4] = words[at + 6] = words[at + 7] = 0;
        words[at + 5] = locals[from + 3]!;
        at += 8;
      }
    }
    if (classes[index] !== 0) {
      const isIpv4 = !ipv6 || isMapped(remotes, from);
      head(words, at, 4, isIpv4 ? SOL_IP : SOL_IPV6, isIpv4 ? IP_TOS : IPV6_TCLASS);
      words[at + 4] = classes[index]!;
      words[at + 5] = 0;
      at += 6;
    }
    if (segmented) {
      head(words, at, 2, SOL_UDP, UDP_SEGMENT);
      words[at + 4] = this.#batch.lengths[index]!;
      words[at + 5] = 0;
      at += 6;
    }
    return 4 * (at - start);
  }
}

/** Writes the head of a control message with `length` bytes of data. */
function head(words: Uint32Array, at: number, length: number, level: number, type: number): void {
  words[at] = 4 * CONTROL_HEAD + length;
  words[at + 1] = 0;
  words[at + 2] = level;
  words[at + 3] = type;
}

/** Writes the IPv4 address in a word as IPv4-mapped IPv6. */
function writeMapped(words: Uint32Array, at: number, address: number): void {
  words[at] = words[at + 1] = 0;
  words[at + 2] = MAPPED;
  words[at + 3] = address;
}

/** A port of network order, or for it. */
function swapped(port: number): number {
  return (port & 255) << 8 | port >>> 8;
}

function addressOf(buffer: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer));
}
