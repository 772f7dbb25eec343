import { copyEndpoint, ENDPOINT_WORDS } from "../net/endpoint.ts";
import type { Scheme } from "../sharing/scheme.ts";
import { xor } from "../sharing/xor.ts";
import { JOINED, memory, module } from "./memory.ts";
import { MESSAGE_HEAD_LENGTH, PACKET_HEAD_LENGTH, PACKET_OVERHEAD, readSequence } from "./packet.ts";
import { ReplayWindow, SequenceState } from "./replay_window.ts";
import { Sample } from "./sample.ts";
import { ShareRing } from "./share_ring.ts";
import { MAX_MESSAGE, TAG_LENGTH, type TagKey } from "./tag.ts";

/** Sets of shares of one datagram that are tried at most when a share comes: an adversary may have forged some. */
const MAX_TRIES = 32;

/** Bits of a traffic class for congestion; all are set for "congestion experienced". */
const ECN = 3;

/** Time in milliseconds from one sample to the next. */
const SAMPLE_INTERVAL = 50;

/** Time in milliseconds for which a sample waits for the share of a channel that lags. */
const MAX_LAG = 2000;

/** The result of a packet. */
export enum Opened {
  /** It completed a datagram, which is there until the next call. */
  Datagram,
  /** It waits for other shares. */
  Waiting,
  /** Its datagram was delivered before, or its channel has brought a share of that datagram. */
  Duplicate,
  /** Its sequence number is below the window. */
  Late,
  /** With the other shares it is no datagram that was sent. */
  Forged,
  /** Its datagram would be longer than allowed. */
  TooLarge,
  /**
   * Its datagram was delivered before without it, and it is a right share of that one: it counts for its channel's return
   * address. Only where the threshold is lower than the number of channels.
   */
  Belated,
}

/** Numbers of shares and datagrams that were not delivered, by reason. */
export interface OpenerCounts {
  /** Shares of datagrams that were delivered before, those beyond the threshold included, and second ones of a channel. */
  duplicate: number;
  /** Shares below the window. */
  late: number;
  /** Shares whose datagram did not become complete in time, or before they were evicted. */
  incomplete: number;
  /** Times that shares which should be a datagram were none. */
  forged: number;
  /** Shares of datagrams longer than allowed. */
  tooLarge: number;
}

/** Options of an {@linkcode Opener}. */
export interface OpenerOptions {
  /** The key of this direction's tags. */
  readonly key: TagKey;
  /** Joins shares into messages. */
  readonly scheme: Scheme;
  /** Number of channels, n. */
  readonly channels: number;
  /** Number of shares that reveal a message, k: n for XOR. */
  readonly threshold: number;
  /** Longest payload, in bytes. */
  readonly maxPayload: number;
  /** Counts what is not delivered. Default: counts of its own. */
  readonly counts?: OpenerCounts;
}

/**
 * Opens one direction's datagrams: joins the shares of a sequence number once enough of them are there, and delivers what
 * was sent, in any order, each at most once. Shares of unequal length are not joined.
 *
 * Whatever comes, it holds at most 1,024 shares of each channel, of the longest datagram's length. It has no timers: the
 * owner calls {@linkcode Opener.expire} while {@linkcode Opener.held} is not 0.
 */
export class Opener {
  /** Counts by reason. */
  readonly counts: OpenerCounts;
  /**
   * The first {@linkcode Opener.usedCount} are the channels whose shares the last datagram was joined from, or the one that
   * brought a belated share of it.
   */
  readonly used: Uint8Array<ArrayBuffer>;
  /** Number of channels in {@linkcode Opener.used}. */
  usedCount = 0;
  /** The addresses that those shares came from, by channel, as {@linkcode ENDPOINT_WORDS} words each. */
  readonly sources: Uint32Array<ArrayBuffer>;
  /** Sequence number of the last datagram. */
  sequence: number = -1;
  /** Flow of the last datagram. */
  flow = 0;
  /**
   * Traffic class of the last datagram: that of the packet that completed it, with "congestion experienced" (RFC 3168) if any
   * of its packets has that.
   */
  trafficClass = 0;
  /** Payload of the last datagram: valid until this or another opener is given a packet, and the caller's to change. */
  payload: Uint8Array<ArrayBuffer> = memory.subarray(JOINED, JOINED);
  readonly #options: OpenerOptions;
  readonly #maxPacket: number;
  readonly #rings: readonly ShareRing[];
  readonly #window = new ReplayWindow();
  readonly #sample: Sample;
  /** A share that, joined with others, becomes the message: a view that is made again only where the length changes. */
  #message: Uint8Array<ArrayBuffer> = memory.subarray(JOINED, JOINED);
  /** Channels whose shares a packet can be joined with. */
  readonly #others: Uint8Array<ArrayBuffer>;
  /** Indexes of those that it is joined with, ascending; then the shares of all that are joined, and their channels. */
  readonly #chosen: number[];
  readonly #shares: Uint8Array<ArrayBuffer>[];
  readonly #indexes: number[];
  /** Addresses of all these but the first one, as long as they are in the module's memory. */
  readonly #addresses: number[] = [];

  /** Creates an opener that has got nothing. @throws {RangeError} If an option is out of range. */
  constructor(options: OpenerOptions) {
    const { channels, threshold, maxPayload } = this.#options = options;
    if (!(threshold >= 2 && threshold <= channels)) throw new RangeError(`a threshold of ${threshold} of ${channels}`);
    if (maxPayload > MAX_MESSAGE - MESSAGE_HEAD_LENGTH) throw new RangeError("too long a payload");
    this.counts = options.counts ?? { duplicate: 0, late: 0, incomplete: 0, forged: 0, tooLarge: 0 };
    this.#maxPacket = PACKET_OVERHEAD + maxPayload;
    this.#sample = new Sample(this.#maxPacket);
    this.#rings = Array.from({ length: channels }, () => new ShareRing());
    this.#chosen = Array(threshold - 1).fill(0);
    this.#shares = Array(threshold).fill(this.#message);
    this.#indexes = Array(threshold).fill(0);
    this.#others = new Uint8Array(channels);
    this.used = new Uint8Array(channels);
    this.sources = new Uint32Array(channels * ENDPOINT_WORDS);
  }

  /** Number of shares that wait for others. */
  get held(): number {
    return this.#rings.reduce((sum, { count }) => sum + count, 0);
  }

  /** Bytes of buffers of the shares that wait. */
  get heldBytes(): number {
    return this.#rings.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /**
   * Takes a packet.
   *
   * @param channel Its channel's index, which follows from its handle.
   * @param packet Of the kind `Share`; only read.
   * @param source The address that it came from, at word `sourceAt`.
   * @param now A monotonic time in milliseconds.
   * @param trafficClass That of the packet.
   */
  open(
    channel: number,
    packet: Uint8Array,
    source: Uint32Array,
    sourceAt: number,
    now: number,
    trafficClass = 0,
  ): Opened {
    const sequence = readSequence(packet), ring = this.#rings[channel]!;
    if (packet.length > this.#maxPacket) return this.#count("tooLarge", Opened.TooLarge);
    const state = this.#window.state(sequence);
    if (state !== SequenceState.New && this.#isBelated(channel, sequence, packet)) {
      copyEndpoint(source, sourceAt, this.sources, channel * ENDPOINT_WORDS);
      return Opened.Belated;
    }
    if (state === SequenceState.Late) return this.#count("late", Opened.Late);
    if (state === SequenceState.Accepted || ring.has(sequence, now)) return this.#count("duplicate", Opened.Duplicate);
    const others = this.#findOthers(channel, sequence, packet.length - PACKET_HEAD_LENGTH, now);
    const tries = others + 1 < this.#options.threshold ? 0 : this.#tryAll(channel, sequence, packet, others);
    if (tries === -1) {
      copyEndpoint(source, sourceAt, this.sources, channel * ENDPOINT_WORDS);
      this.trafficClass = trafficClass;
      this.#deliver(sequence, now);
      return Opened.Datagram;
    }
    this.counts.forged += tries;
    if (others + 1 === this.#options.channels) {
      // No other share can come.
      for (const one of this.#rings) one.drop(sequence);
      return Opened.Forged;
    }
    if (ring.put(sequence, packet, source, sourceAt, now, trafficClass)) this.counts.incomplete++;
    return tries > 0 ? Opened.Forged : Opened.Waiting;
  }

  /** Lets go of shares that have waited too long. @param now A monotonic time in milliseconds. */
  expire(now: number): void {
    for (const ring of this.#rings) this.counts.incomplete += ring.expire(now);
  }

  /** Lets go of all shares: their rooms are for other associations. Nothing may be opened afterwards. */
  close(): void {
    for (const ring of this.#rings) ring.clear();
  }

  #count(reason: keyof OpenerCounts, result: Opened): Opened {
    this.counts[reason]++;
    return result;
  }

  /** Finds the channels that hold a share of a datagram, of a length. @returns Their number. */
  #findOthers(channel: number, sequence: number, length: number, now: number): number {
    let count = 0;
    for (let other = 0; other < this.#rings.length; other++) {
      const ring = this.#rings[other]!;
      if (other === channel || !ring.has(sequence, now) || ring.shareOf(sequence).length !== length) continue;
      this.#others[count++] = other;
    }
    return count;
  }

  /**
   * Joins a packet's share with sets of others until one gives a datagram. Its channels are then in {@linkcode Opener.used},
   * its message where shares are joined.
   *
   * @param others How many others there are, at least one fewer than the threshold.
   * @returns -1 if one does; otherwise the number of sets that were tried.
   */
  #tryAll(channel: number, sequence: number, packet: Uint8Array, others: number): number {
    const chosen = this.#chosen, needed = chosen.length;
    for (let index = 0; index < needed; index++) chosen[index] = index;
    this.usedCount = 1 + needed;
    for (let tries = 1;; tries++) {
      this.used[0] = channel;
      for (let index = 0; index < needed; index++) this.used[1 + index] = this.#others[chosen[index]!]!;
      if (this.#join(sequence, packet)) return -1;
      if (tries === MAX_TRIES || !advance(chosen, others)) return tries;
    }
  }

  /** Joins the shares of the channels used, and checks the tag. */
  #join(sequence: number, packet: Uint8Array): boolean {
    this.#placeMessage(packet);
    const { scheme, key } = this.#options, { length } = this.#message;
    if (scheme !== xor || !this.#addAll(sequence, length)) {
      for (let index = 0; index < this.usedCount; index++) {
        const channel = this.#indexes[index] = this.used[index]!;
        this.#shares[index] = index === 0 ? this.#message : this.#rings[channel]!.shareOf(sequence);
      }
      scheme.join(this.#shares, this.#indexes);
    }
    return key.checkJoined(sequence, length);
  }

  /** Does what XOR does, in the module's memory, if all shares are there. @returns False if not; nothing is changed then. */
  #addAll(sequence: number, length: number): boolean {
    const addresses = this.#addresses, others = this.usedCount - 1;
    for (let index = 0; index < others; index++) {
      const address = addresses[index] = this.#rings[this.used[1 + index]!]!.addressOf(sequence);
      if (address === 0) return false;
    }
    if (others % 2 === 1) module.add(JOINED, addresses[0]!, length);
    for (let index = others % 2; index < others; index += 2) {
      module.addTwo(JOINED, addresses[index]!, addresses[index + 1]!, length);
    }
    return true;
  }

  /** Copies a packet to where its share is joined with others. */
  #placeMessage(packet: Uint8Array): void {
    const { length } = packet;
    memory.set(packet, JOINED - PACKET_HEAD_LENGTH);
    if (this.#message.length === length - PACKET_HEAD_LENGTH) return;
    this.#message = memory.subarray(JOINED, JOINED + length - PACKET_HEAD_LENGTH);
    this.payload = memory.subarray(JOINED + MESSAGE_HEAD_LENGTH, JOINED + length - PACKET_HEAD_LENGTH);
  }

  /** Reports whether a packet has a right share of the sample, from a channel that is tried for the first time. */
  #isBelated(channel: number, sequence: number, packet: Uint8Array): boolean {
    const sample = this.#sample, length = packet.length - PACKET_HEAD_LENGTH;
    if (sample.sequence !== sequence || sample.shares[0]!.length !== length || !sample.tries(channel)) return false;
    this.#placeMessage(packet);
    this.#options.scheme.join([this.#message, ...sample.shares], [channel, ...sample.channels]);
    this.used[0] = channel;
    this.usedCount = 1;
    return this.#options.key.checkJoined(sequence, length);
  }

  #deliver(sequence: number, now: number): void {
    this.#window.accept(sequence);
    const { threshold, channels } = this.#options, sample = this.#sample, age = now - sample.time;
    if (threshold < channels && age >= (sample.known === channels ? SAMPLE_INTERVAL : MAX_LAG)) {
      sample.take(sequence, now, this.#shares, this.#indexes);
    }
    this.sequence = sequence;
    this.flow = this.#message[TAG_LENGTH]! << 8 | this.#message[TAG_LENGTH + 1]!;
    for (let index = 1; index < this.usedCount; index++) {
      const channel = this.used[index]!;
      const ring = this.#rings[channel]!;
      ring.copySource(sequence, this.sources, channel * ENDPOINT_WORDS);
      // A path that is congested says so on its own packets only.
      if ((ring.classOf(sequence) & ECN) === ECN) this.trafficClass |= ECN;
    }
    for (const ring of this.#rings) ring.drop(sequence);
  }
}

/** Moves to the next set of ascending indexes below `limit`. @returns False after the last one. */
function advance(chosen: number[], limit: number): boolean {
  for (let place = chosen.length - 1; place >= 0; place--) {
    if (chosen[place]! >= limit - chosen.length + place) continue;
    let index = chosen[place]! + 1;
    for (let rest = place; rest < chosen.length; rest++) chosen[rest] = index++;
    return true;
  }
  return false;
}
