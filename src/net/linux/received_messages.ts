import type { DatagramBatch } from "../datagram.ts";
import { ENDPOINT_WORDS, MAPPED } from "../endpoint.ts";
import { AF_INET6, SOL_IP, SOL_IPV6 } from "./constants.ts";
import type { Libc } from "./libc.ts";
import {
  CONTROL_HEAD,
  CONTROL_LENGTH,
  CONTROL_WORDS,
  HEADER_WORDS,
  IP_ORIGDSTADDR,
  IP_PKTINFO,
  IP_TOS,
  IPV6_ORIGDSTADDR,
  IPV6_PKTINFO,
  IPV6_TCLASS,
  LENGTH,
  MessageWords,
  NAME_LENGTH,
  NAME_WORDS,
  SOL_UDP,
  swapped,
  UDP_GRO,
} from "./message_words.ts";

/** Messages of a call at most. */
const MESSAGES = 64;

/** Room for a message, in bytes: datagrams that the kernel has put together are no more than this. */
const ROOM = 65_536;

/** Bytes from one message's start to the next one's. An odd number of cache lines, as starts would else share a few. */
const STRIDE = ROOM + 33 * 64;

/** Views of a message's datagrams that are kept. */
const VIEWS = 64;

const MSG_DONTWAIT = 0x40;

/** Rooms that a thread keeps for its sockets. */
const MAX_FREE = 4;

const free: ReceivedMessages[] = [];

/**
 * Messages that one recvmmsg has read, each of them a datagram or up to 64 of one sender, class and length, the last of
 * which may be shorter: as the network's device, or the sender's own kernel, has passed them on. A message in a row of such
 * costs the kernel a tenth of one by itself.
 *
 * Its room is 4 MiB of addresses, of which the system provides what has been written to. A socket has one only between a
 * call and the delivery of what that has read.
 */
export class ReceivedMessages {
  readonly #data = new Uint8Array(MESSAGES * STRIDE);
  readonly #message = new MessageWords(MESSAGES, this.#data);
  /** Views of datagrams, made again only where lengths change: making one takes longer than copying its bytes. */
  readonly #views: Uint8Array<ArrayBuffer>[] = [];
  #count = 0;
  /** The message whose datagrams are next, and its bytes before them. */
  #next = 0;
  #offset = 0;

  private constructor() {
    for (let index = 0; index < MESSAGES; index++) {
      this.#message.setData(index, index * STRIDE, ROOM);
      this.#makeRoom(index);
    }
  }

  /** Takes an empty one. The caller gives it back once, when it is empty again. */
  static take(): ReceivedMessages {
    return free.pop() ?? new ReceivedMessages();
  }

  /** Gives it back: what it has is dropped. */
  give(): void {
    for (; this.#next < this.#count; this.#next++) this.#makeRoom(this.#next);
    this.#offset = 0;
    if (free.length < MAX_FREE) free.push(this);
  }

  /** True if all datagrams were taken. */
  get isEmpty(): boolean {
    return this.#next === this.#count;
  }

  /**
   * Reads messages that are there; only when all before were taken.
   *
   * @param most Number of messages at most, from 1 on.
   * @returns Their number; below 1 as recvmmsg says it.
   */
  read(c: Libc, fd: number, most: number): number {
    const count = c.recvmmsg(fd, this.#message.bytes, Math.min(most, MESSAGES), MSG_DONTWAIT, null);
    this.#next = 0;
    this.#count = Math.max(count, 0);
    return count;
  }

  /** Fills a batch from its start with the next datagrams. @returns Their number: 0 if there are no more. */
  deliver(batch: DatagramBatch): number {
    let index = 0;
    while (index < batch.capacity && this.#next < this.#count) {
      const message = this.#next, length = this.#message.words[message * HEADER_WORDS + LENGTH]!;
      this.#readName(message, batch, index);
      const segment = this.#readControl(message, batch, index) || length, first = index;
      do {
        const size = Math.min(segment, length - this.#offset), fits = size <= batch.size;
        batch.lengths[index] = fits ? size : batch.size + 1;
        if (fits && size > 0) batch.slot(index).set(this.#view(message, size));
        index++;
        this.#offset += size;
      } while (index < batch.capacity && this.#offset < length);
      repeatHead(batch, first, index);
      if (this.#offset < length) break;
      this.#makeRoom(message);
      this.#next++;
      this.#offset = 0;
    }
    return index;
  }

  /** A view of `size` bytes of a message from the offset on. */
  #view(message: number, size: number): Uint8Array<ArrayBuffer> {
    const at = message * STRIDE + this.#offset, place = message * VIEWS + this.#offset / size % VIEWS >>> 0;
    const view = this.#views[place];
    if (view?.byteOffset === at && view.length === size) return view;
    return this.#views[place] = this.#data.subarray(at, at + size);
  }

  #makeRoom(message: number): void {
    const { words } = this.#message, header = message * HEADER_WORDS;
    words[header + NAME_LENGTH] = 4 * NAME_WORDS;
    words[header + CONTROL_LENGTH] = 4 * CONTROL_WORDS;
  }

  #readName(message: number, { remotes }: DatagramBatch, index: number): void {
    const { words } = this.#message, at = this.#message.name(message), to = index * ENDPOINT_WORDS, head = words[at]!;
    remotes[to + 4] = swapped(head >>> 16);
    if ((head & 0xffff) === AF_INET6) {
      for (let word = 0; word < 4; word++) remotes[to + word] = words[at + 2 + word]!;
      remotes[to + 5] = words[at + 6]!;
    } else {
      writeMapped(remotes, to, words[at + 1]!);
      remotes[to + 5] = 0;
    }
  }

  /** Reads what control messages say. @returns The length of the message's datagrams; 0 if it is a single one. */
  #readControl(message: number, { locals, classes }: DatagramBatch, index: number): number {
    const { words } = this.#message, length = words[message * HEADER_WORDS + CONTROL_LENGTH]!;
    const start = this.#message.control(message), end = start + (Math.min(length, 4 * CONTROL_WORDS) >>> 2);
    const to = index * ENDPOINT_WORDS;
    let segment = 0;
    locals.fill(0, to, to + ENDPOINT_WORDS);
    classes[index] = 0;
    for (let at = start; at + CONTROL_HEAD < end;) {
      const size = words[at]!, level = words[at + 2], type = words[at + 3];
      if (size < 4 * CONTROL_HEAD) break;
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
      } else if (level === SOL_UDP && type === UDP_GRO) {
        segment = words[at + 4]!;
      }
      at += size + 7 >>> 3 << 1;
    }
    return segment;
  }
}

/** Gives the datagrams behind one, to `end`, its addresses and its class. */
function repeatHead({ remotes, locals, classes }: DatagramBatch, from: number, end: number): void {
  classes.fill(classes[from]!, from, end);
  for (let word = 0; word < ENDPOINT_WORDS; word++) {
    const remote = remotes[from * ENDPOINT_WORDS + word]!, local = locals[from * ENDPOINT_WORDS + word]!;
    for (let index = from + 1, at = index * ENDPOINT_WORDS + word; index < end; index++, at += ENDPOINT_WORDS) {
      remotes[at] = remote;
      locals[at] = local;
    }
  }
}

/** Writes the IPv4 address in a word as IPv4-mapped IPv6. */
function writeMapped(words: Uint32Array, at: number, address: number): void {
  words[at] = words[at + 1] = 0;
  words[at + 2] = MAPPED;
  words[at + 3] = address;
}
