import type { DatagramBatch, DatagramSocket } from "../net/datagram.ts";
import { copyEndpoint, type Endpoint, ENDPOINT_WORDS, isUnspecified, sameEndpointHost } from "../net/endpoint.ts";
import { countUnsent } from "../net/send_counts.ts";
import type { Scheme } from "../sharing/scheme.ts";
import { type PadSource, systemPads } from "../sharing/system_pads.ts";
import type { Clock } from "../time/clock.ts";
import { DATAGRAM_KEY_LENGTH, type DatagramMeans, requireHandles } from "../wire/datagrams.ts";
import { WireError } from "../wire/decoder.ts";
import type { DatagramCounts } from "./counts.ts";
import type { DatagramPort } from "./datagram_port.ts";
import type { HandleTable } from "./handles.ts";
import { Opened, Opener } from "./opener.ts";
import { encodePath, PACKET_HEAD_LENGTH, PACKET_OVERHEAD, PacketKind } from "./packet.ts";
import { MAX_PACKET, payloadLimit, USUAL_PACKET } from "./payload_limit.ts";
import { CHALLENGE_INTERVAL, ReturnAddresses } from "./return_address.ts";
import { Sealer } from "./sealer.ts";
import { SEND_CAPACITY, sendBatches } from "./send_batches.ts";
import { TagKey } from "./tag.ts";
import { WaitingTime } from "./waiting_time.ts";

/** Time in milliseconds after which a path's MTU is asked for again while datagrams are sent. */
const MEASURE_INTERVAL = 60_000;

/** Number of no flow: an empty datagram of it tells a server where to send to, and is dropped. */
export const NO_FLOW = 0;

/** Time in milliseconds after which a client that has open flows and has sent nothing tells so again: for NATs forget. */
export const TELL_INTERVAL = 20_000;

/** The reason of a line about {@linkcode LinkOptions.forged}. */
export const FORGED_REASON = "its shares are not those that were sent: packets on a channel are being altered";

/** One channel of a link: what a handle stands for. */
export interface LinkChannel {
  /** The link. */
  readonly link: DatagramLink;
  /** The channel's index in the association. */
  readonly channel: number;
}

/** Takes the datagrams of a flow. @param payload Valid during the call, and the receiver's to change. */
export type FlowReceiver = (payload: Uint8Array<ArrayBuffer>, trafficClass: number) => void;

/** Options of a {@linkcode DatagramLink}. */
export interface LinkOptions {
  /** This side's end of each channel, in their order; null for a channel that has not joined. */
  readonly ports: readonly (DatagramPort | null)[];
  /** Addresses to send to; null to send to where the other side's datagrams come from, as a server does. */
  readonly remotes: readonly Endpoint[] | null;
  /** The association's scheme. */
  readonly scheme: Scheme;
  /** Number of channels that suffice. */
  readonly threshold: number;
  /** A watched source of pads (`commonGuard`). */
  readonly pads: PadSource;
  /** Measures time limits. */
  readonly clock: Clock;
  /** Gets the handles that this side hands out. */
  readonly handles: HandleTable<LinkChannel>;
  /** Counts. */
  readonly counts: DatagramCounts;
  /** Called for each packet whose share, joined with others, is no datagram that was sent. */
  readonly forged: () => void;
  /** Called when pads or numbers have failed: nothing more may be sent then. */
  readonly failed: (error: unknown) => void;
}

/**
 * The datagrams of one association, in both directions (docs/PROTOCOL.md, appendix A): seals those to send, a turn's in
 * one call for each channel, and hands those that arrive to their flows. Best effort: what can't be sent is dropped and
 * counted.
 */
export class DatagramLink {
  /** The means to hand out to the other side. */
  readonly means: DatagramMeans;
  readonly #options: LinkOptions;
  readonly #ports: (DatagramPort | null)[];
  readonly #returns: ReturnAddresses | null;
  readonly #flows = new Map<number, FlowReceiver>();
  readonly #classes = new Uint8Array(SEND_CAPACITY);
  readonly #waiting: WaitingTime;
  #sealer: Sealer | null = null;
  #opener: Opener | null = null;
  #peerHandles: readonly Uint8Array[] = [];
  #limit = 0;
  #measuredAt = -Infinity;
  #closed = false;
  #challenging = false;
  /** Cancels telling the server again; null if that is not due. */
  #cancelTelling: (() => void) | null = null;
  #sentAt = 0;

  /** Creates a link that can't be used before {@linkcode DatagramLink.accept}. */
  constructor(options: LinkOptions) {
    const { ports, remotes, handles } = this.#options = options;
    const key = new Uint8Array(DATAGRAM_KEY_LENGTH);
    systemPads(key);
    this.#ports = [...ports];
    this.#waiting = new WaitingTime(options.clock);
    this.#returns = remotes === null ? new ReturnAddresses(ports.length, systemPads) : null;
    this.means = { key, handles: ports.map((_, channel) => handles.add({ link: this, channel })) };
  }

  /** True once the other side has handed out its means, and until the link is closed. */
  get isUsable(): boolean {
    return this.#sealer !== null && !this.#closed;
  }

  /** Longest payload that can be sent now, in bytes; 0 before {@linkcode DatagramLink.accept}. */
  get maxPayload(): number {
    return this.#limit;
  }

  /** Takes what the other side hands out. @throws {WireError} If it did so before, or not for all channels. */
  accept(means: DatagramMeans): void {
    const { scheme, threshold, pads, counts } = this.#options, channels = this.#ports.length, { key, handles } = means;
    if (this.#sealer !== null) throw new WireError("a second DATAGRAMS");
    requireHandles(means, channels);
    if (this.#closed) return;
    this.#limit = this.#measure();
    this.#sealer = new Sealer({
      key: new TagKey(this.means.key),
      scheme,
      pads,
      handles,
      maxPayload: this.#limit,
      capacity: SEND_CAPACITY,
    });
    const maxPayload = MAX_PACKET - PACKET_OVERHEAD;
    this.#opener = new Opener({ key: new TagKey(key), scheme, channels, threshold, maxPayload, counts });
    this.#peerHandles = handles;
    this.#tell();
  }

  /** Changes this side's end of a channel. */
  bind(channel: number, port: DatagramPort | null): void {
    this.#ports[channel] = port;
    if (this.#sealer === null) return;
    this.#limit = Math.min(this.#measure(), this.#sealer.packetSize - PACKET_OVERHEAD);
    this.#tell();
  }

  /** Reports whether packets of a channel may arrive at a socket and local address. */
  isAt(channel: number, socket: DatagramSocket, locals: Uint32Array, at: number): boolean {
    const port = this.#ports[channel]!;
    return port?.socket === socket && (isUnspecified(locals, at) || sameEndpointHost(locals, at, port.local, 0));
  }

  /** Has the datagrams of a flow delivered. @param flow 1 to 65,535. */
  attach(flow: number, receiver: FlowReceiver): void {
    this.#flows.set(flow, receiver);
    if (this.#cancelTelling === null) this.#tellLater();
  }

  /** Ends a flow: its datagrams are dropped. Without effect if its number is another one's by now. */
  detach(flow: number, receiver: FlowReceiver): void {
    if (this.#flows.get(flow) === receiver) this.#flows.delete(flow);
  }

  /** Reports whether a number is in use. */
  has(flow: number): boolean {
    return this.#flows.has(flow);
  }

  /**
   * Sends a datagram at the end of the turn, with others.
   *
   * @param flow 1 to 65,535.
   * @param payload Copied.
   * @param trafficClass That of its packets.
   * @returns False if it is dropped, which is counted: because the link is not usable, or it is too long.
   */
  send(flow: number, payload: Uint8Array, trafficClass: number): boolean {
    const sealer = this.#sealer, { counts } = this.#options;
    if (sealer === null || this.#closed) {
      counts.noFlow++;
      return false;
    }
    if (sealer.isFull) this.#flush();
    if (payload.length > this.#limit) {
      counts.tooLarge++;
      return false;
    }
    if (sealer.count === 0) queueMicrotask(() => this.#flush());
    this.#classes[sealer.count] = trafficClass;
    try {
      sealer.add(flow, payload);
    } catch (error) {
      this.#fail(error);
      return false;
    }
    counts.sent++;
    counts.sentBytes += payload.length;
    return true;
  }

  /**
   * Takes a packet with a handle of this link, which {@linkcode DatagramLink.isAt} allows.
   *
   * @param kind The packet's.
   * @param packet Only read.
   * @param batch Has its source and class at `index`.
   */
  receive(channel: number, kind: PacketKind, packet: Uint8Array, batch: DatagramBatch, index: number): void {
    if (this.#closed || this.#opener === null) return void this.#options.counts.stray++;
    const at = index * ENDPOINT_WORDS;
    switch (kind) {
      case PacketKind.Share:
        return this.#open(channel, packet, batch, index);
      case PacketKind.Challenge:
        if (!this.#isFromServer(channel, batch.remotes, at)) return void this.#options.counts.stray++;
        return this.#sendPath(channel, PacketKind.Response, packet, batch.remotes, at);
      case PacketKind.Response:
        this.#returns?.answered(channel, batch.remotes, at, packet.subarray(PACKET_HEAD_LENGTH + 1));
    }
  }

  /** Ends it: its handles mean nothing any more, and nothing is sent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const handle of this.means.handles) this.#options.handles.remove(handle);
    this.#cancelTelling?.();
    this.#flows.clear();
    this.#opener?.close();
    this.#opener = this.#sealer = null;
  }

  /** As a client, tells the server where to send to, before an application has anything to say. */
  #tell(): void {
    if (this.#returns !== null || !this.isUsable) return;
    const { counts } = this.#options;
    if (this.send(NO_FLOW, new Uint8Array(0), 0)) counts.sent--;
  }

  #tellLater(): void {
    if (this.#returns !== null || this.#closed) return;
    const { clock } = this.#options, left = Math.max(0, this.#sentAt + TELL_INTERVAL - clock.now());
    this.#cancelTelling = clock.after(left > 0 ? left : TELL_INTERVAL, () => {
      this.#cancelTelling = null;
      if (this.#flows.size === 0) return;
      if (clock.now() - this.#sentAt >= TELL_INTERVAL) this.#tell();
      this.#tellLater();
    });
  }

  /** Reports whether an address is the server's of a channel: it alone may ask, and it is never asked. */
  #isFromServer(channel: number, remotes: Uint32Array, at: number): boolean {
    const server = this.#options.remotes?.[channel];
    return server !== undefined && server[4] === remotes[at + 4] && sameEndpointHost(server, 0, remotes, at);
  }

  #fail(error: unknown): void {
    this.close();
    this.#options.failed(error);
  }

  #open(channel: number, packet: Uint8Array, batch: DatagramBatch, index: number): void {
    const opener = this.#opener!, { clock, counts } = this.#options, now = clock.now();
    const trafficClass = batch.classes[index]!, time = this.#waiting.at(now);
    const opened = opener.open(channel, packet, batch.remotes, index * ENDPOINT_WORDS, time, trafficClass);
    if (opened === Opened.Waiting && !this.#waiting.ticks) this.#waiting.tick((time) => this.#expire(time));
    if (opened === Opened.Forged) this.#options.forged();
    if (opened !== Opened.Datagram && opened !== Opened.Belated) return;
    if (this.#returns !== null) this.#verified(this.#returns, opener, packet.length, now);
    if (opened === Opened.Belated) return;
    const { flow, payload } = opener, receiver = this.#flows.get(flow);
    if (flow === NO_FLOW) return;
    if (receiver === undefined) return void counts.noFlow++;
    counts.received++;
    counts.receivedBytes += payload.length;
    receiver(payload, opener.trafficClass);
  }

  #verified(returns: ReturnAddresses, { used, usedCount, sources }: Opener, bytes: number, now: number): void {
    for (let at = 0; at < usedCount; at++) {
      const channel = used[at]!;
      returns.verified(channel, sources, channel * ENDPOINT_WORDS, bytes, now);
      if (returns.of(channel).candidate !== null) this.#challenge(returns, now);
    }
  }

  /** Sends the challenges that are due, and again later while there are any. */
  #challenge(returns: ReturnAddresses, now: number): void {
    let waits = false;
    for (let channel = 0; channel < this.#ports.length; channel++) {
      const address = returns.of(channel), challenge = address.challenge(now);
      if (challenge !== null) this.#sendPath(channel, PacketKind.Challenge, challenge.token, challenge.to, 0);
      if (address.candidate !== null) waits = true;
    }
    if (!waits || this.#challenging) return;
    this.#challenging = true;
    this.#options.clock.after(CHALLENGE_INTERVAL, () => {
      this.#challenging = false;
      if (!this.#closed) this.#challenge(returns, this.#options.clock.now());
    });
  }

  /** Sends a packet about a return address. @param token The token, or the packet that ends in it. */
  #sendPath(
    channel: number,
    kind: PacketKind.Challenge | PacketKind.Response,
    token: Uint8Array,
    to: Uint32Array,
    toAt: number,
  ): void {
    const port = this.#ports[channel];
    if (port == null) return;
    const packet = encodePath(this.#peerHandles[channel]!, kind, token.subarray(token.length - 8));
    const [batch] = sendBatches(1, USUAL_PACKET);
    batch!.slot(0).set(packet);
    batch!.lengths[0] = packet.length;
    batch!.classes[0] = 0;
    copyEndpoint(to, toAt, batch!.remotes, 0);
    this.#transmit(port, batch!, 1);
  }

  /** Lets go of shares that have waited too long. @returns True if others wait. */
  #expire(time: number): boolean {
    const opener = this.#opener;
    opener?.expire(time);
    return opener !== null && opener.held > 0;
  }

  #flush(): void {
    const sealer = this.#sealer, { clock } = this.#options;
    if (sealer === null || sealer.count === 0) return;
    const batches = sendBatches(this.#ports.length, sealer.packetSize), now = this.#sentAt = clock.now();
    let count: number;
    try {
      count = sealer.flush(batches);
    } catch (error) {
      return this.#fail(error);
    }
    for (let channel = 0; channel < batches.length; channel++) this.#sendOn(channel, batches[channel]!, count, now);
    if (now - this.#measuredAt > MEASURE_INTERVAL) {
      this.#limit = Math.min(this.#measure(), sealer.packetSize - PACKET_OVERHEAD);
    }
  }

  #sendOn(channel: number, batch: DatagramBatch, count: number, now: number): void {
    const port = this.#ports[channel], { remotes, counts } = this.#options;
    if (port == null) return void (counts.noAddress += count);
    batch.classes.set(count === SEND_CAPACITY ? this.#classes : this.#classes.subarray(0, count));
    const address = this.#returns?.of(channel);
    if (address?.candidate != null) return this.#transmit(port, batch, this.#address(channel, batch, count, now));
    const to = address === undefined ? remotes![channel]! : address.confirmed;
    if (to === null) return void (counts.noAddress += count);
    for (let index = 0; index < count; index++) copyEndpoint(to, 0, batch.remotes, index * ENDPOINT_WORDS);
    this.#transmit(port, batch, count);
  }

  /** Addresses packets while a channel's return address is not confirmed; moves those together that have one. */
  #address(channel: number, batch: DatagramBatch, count: number, now: number): number {
    const address = this.#returns!.of(channel), { offsets, lengths, classes, remotes } = batch;
    let left = 0;
    for (let index = 0; index < count; index++) {
      const to = address.target(lengths[index]!, now);
      if (to === null) {
        this.#options.counts.noAddress++;
        continue;
      }
      offsets[left] = offsets[index]!;
      lengths[left] = lengths[index]!;
      classes[left] = classes[index]!;
      copyEndpoint(to, 0, remotes, left++ * ENDPOINT_WORDS);
    }
    return left;
  }

  /** Sends addressed packets from a channel's address. */
  #transmit({ socket, local }: DatagramPort, batch: DatagramBatch, count: number): void {
    const { counts } = this.#options;
    for (let index = 0; index < count; index++) copyEndpoint(local, 0, batch.locals, index * ENDPOINT_WORDS);
    if (socket.send(batch, count) === count) return;
    const { tooLarge } = counts;
    countUnsent(batch, count, counts);
    if (counts.tooLarge === tooLarge) return;
    // The system has just learned something about the path, which holds for the next ones.
    this.#measuredAt = Math.min(this.#measuredAt, this.#options.clock.now() - MEASURE_INTERVAL);
  }

  /** The longest payload that fits a packet on every path, in bytes. */
  #measure(): number {
    this.#measuredAt = this.#options.clock.now();
    const ports = this.#ports.filter((port) => port !== null);
    return payloadLimit(ports.map(({ socket, peer }) => socket.maxPayload(peer)));
  }
}
