/** Words of the kernel's `mmsghdr` of a 64-bit system, and offsets of its fields. */
export const HEADER_WORDS = 16, NAME_LENGTH = 2, VECTOR_COUNT = 6, CONTROL_LENGTH = 10, LENGTH = 14;
const NAME = 0, VECTOR = 4, CONTROL = 8;

/** Words of an `iovec`, a pointer and a length, and the length's offset. */
const VECTOR_WORDS = 4, VECTOR_LENGTH = 2;

/** Words of a `sockaddr_in6`. */
export const NAME_WORDS = 7;

/**
 * Words for control messages: those of an address, 40 bytes at most, of a class and of a segment's length, 24 each, and of
 * an original destination, 48 at most.
 */
export const CONTROL_WORDS = 34;

/** Words of the head of a control message: length of 64 bits, level and type. */
export const CONTROL_HEAD = 4;

/** Types of control messages: local address and traffic class (ip(7), ipv6(7)). */
export const IP_TOS = 1, IP_PKTINFO = 8, IPV6_PKTINFO = 50, IPV6_TCLASS = 67;

/** Control messages, and options of a socket that ask for them: the destination as the packet has it, with its port. */
export const IP_ORIGDSTADDR = 20, IPV6_ORIGDSTADDR = 74;

/**
 * Control messages, and options of a socket: the length of the datagrams that the kernel cuts one message into, and of those
 * that it has put together to one (udp(7)).
 */
export const SOL_UDP = 17, UDP_SEGMENT = 103, UDP_GRO = 104;

/**
 * The structures of sendmmsg(2) and recvmmsg(2) for a number of messages, on a little-endian machine of 64 bits, like all
 * that Deno supports. Pointers into them stay as they are.
 */
export class MessageWords {
  /** All of them, the `mmsghdr` first. */
  readonly words: Uint32Array<ArrayBuffer>;
  /** The same, as bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #vectors: number;
  readonly #names: number;
  readonly #controls: number;
  /** Address of the messages' data. */
  readonly #data: number;

  /** Allocates them. @param data Holds the data of all messages. */
  constructor(count: number, data: Uint8Array<ArrayBuffer>) {
    this.#vectors = count * HEADER_WORDS;
    this.#names = this.#vectors + count * VECTOR_WORDS;
    // Pairs of words, since control messages begin with 64 bits.
    this.#controls = this.#names + count * (NAME_WORDS + 1);
    this.words = new Uint32Array(this.#controls + count * CONTROL_WORDS);
    this.bytes = new Uint8Array(this.words.buffer);
    this.#data = addressOf(data);
    const base = addressOf(this.bytes);
    for (let index = 0; index < count; index++) {
      const header = index * HEADER_WORDS, vector = this.#vectors + index * VECTOR_WORDS;
      this.#setPointer(header + NAME, base + 4 * this.name(index));
      this.#setPointer(header + VECTOR, base + 4 * vector);
      this.#setPointer(header + CONTROL, base + 4 * this.control(index));
      this.words[header + VECTOR_COUNT] = 1;
    }
  }

  /** The first word of a message's address. */
  name(index: number): number {
    return this.#names + index * (NAME_WORDS + 1);
  }

  /** The first word of a message's control messages. */
  control(index: number): number {
    return this.#controls + index * CONTROL_WORDS;
  }

  /** Sets where a message's data are. @param offset From where the data of all begin. */
  setData(index: number, offset: number, length: number): void {
    const vector = this.#vectors + index * VECTOR_WORDS;
    this.#setPointer(vector, this.#data + offset);
    this.words[vector + VECTOR_LENGTH] = length;
  }

  #setPointer(word: number, pointer: number): void {
    this.words[word] = pointer;
    this.words[word + 1] = pointer / 2 ** 32;
  }
}

/** A port of network order, or for it. */
export function swapped(port: number): number {
  return (port & 255) << 8 | port >>> 8;
}

/** An address, which is below 2^53: processors have no more than 52 bits for a process's own. */
function addressOf(buffer: Uint8Array<ArrayBuffer>): number {
  return Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer)));
}
