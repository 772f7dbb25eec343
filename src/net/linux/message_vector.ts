import type { DatagramBatch } from "../datagram.ts";
import { ENDPOINT_WORDS, isMapped, isUnspecified, sameEndpoint } from "../endpoint.ts";
import { AF_INET, AF_INET6, SOL_IP, SOL_IPV6 } from "./constants.ts";
import {
  CONTROL_HEAD,
  CONTROL_LENGTH,
  HEADER_WORDS,
  IP_PKTINFO,
  IP_TOS,
  IPV6_PKTINFO,
  IPV6_TCLASS,
  MessageWords,
  NAME_LENGTH,
  NAME_WORDS,
  SOL_UDP,
  swapped,
  UDP_SEGMENT,
  VECTOR_COUNT,
} from "./message_words.ts";

/** Datagrams and bytes that one message is cut into at most. */
const MAX_SEGMENTS = 64, MAX_SEGMENTED = 65_000;

/** Words of a `sockaddr_in`. */
const IPV4_WORDS = 4;

/** Bytes of a datagram's `mmsghdr`. */
export const HEADER_SIZE: number = 4 * HEADER_WORDS;

const vectors = new WeakMap<DatagramBatch, MessageVector>();

/** The structures of sendmmsg(2) for a batch. Made once for each. */
export class MessageVector {
  /** The array of `mmsghdr`, one for each datagram. */
  readonly headers: Uint8Array<ArrayBuffer>;
  /** An array of `mmsghdr` for messages that the kernel cuts into datagrams; {@linkcode prepareSegments} fills it. */
  readonly segmented: Uint8Array<ArrayBuffer>;
  /** The first datagram of each message there, and then the number of all. */
  readonly starts: Uint32Array<ArrayBuffer>;
  readonly #batch: DatagramBatch;
  readonly #messages: MessageWords;
  readonly #segmentedWords: Uint32Array<ArrayBuffer>;

  private constructor(batch: DatagramBatch) {
    const { capacity, data } = batch;
    this.#batch = batch;
    this.#messages = new MessageWords(capacity, data);
    this.headers = this.#messages.bytes;
    this.#segmentedWords = new Uint32Array(capacity * HEADER_WORDS);
    this.segmented = new Uint8Array(this.#segmentedWords.buffer);
    this.starts = new Uint32Array(capacity + 1);
  }

  /** The structures of a batch. */
  static of(batch: DatagramBatch): MessageVector {
    let vector = vectors.get(batch);
    if (vector === undefined) vectors.set(batch, vector = new MessageVector(batch));
    return vector;
  }

  /** Fills in datagrams to send. @param ipv6 The socket's family; one of IPv6 takes IPv4-mapped addresses. */
  prepareSend(from: number, to: number, ipv6: boolean): void {
    const { words } = this.#messages, { lengths, offsets } = this.#batch;
    for (let index = from; index < to; index++) {
      this.#messages.setData(index, offsets[index]!, lengths[index]!);
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
    const { words } = this.#messages, { lengths, offsets } = this.#batch;
    let messages = 0;
    for (let start = 0; start < count; messages++) {
      const end = this.#endOfRun(start, count), header = messages * HEADER_WORDS;
      for (let index = start; index < end; index++) this.#messages.setData(index, offsets[index]!, lengths[index]!);
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

  #writeName(index: number, ipv6: boolean): void {
    const { words } = this.#messages,
      { remotes } = this.#batch,
      at = this.#messages.name(index),
      from = index * ENDPOINT_WORDS;
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

  /** Writes a datagram's control messages. @returns Their length in bytes. */
  #writeControl(index: number, ipv6: boolean, segmented: boolean): number {
    const { words } = this.#messages, { locals, remotes, classes } = this.#batch, from = index * ENDPOINT_WORDS;
    const start = this.#messages.control(index);
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
