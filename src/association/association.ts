import { reasonOf } from "../errors/errors.ts";
import type { Address } from "../net/address.ts";
import type { Chunk } from "../net/chunk.ts";
import type { Connection } from "../net/connection.ts";
import { commonGuard } from "../sharing/guarded_pads.ts";
import { padSource } from "../sharing/pads.ts";
import { xor } from "../sharing/xor.ts";
import { recordOpener } from "../records/record_opener.ts";
import type { Scheme } from "../sharing/scheme.ts";
import { thresholdScheme } from "../sharing/threshold.ts";
import { systemClock } from "../time/clock.ts";
import type { Rejoining, Shares, Sharing } from "./association_options.ts";
import { AssociationOver, ChannelError, channelsOf, isByOtherSide, Lagging } from "./channel_error.ts";
import { ChannelReader } from "./channel_reader.ts";
import { NoConnection } from "./no_connection.ts";
import { ThresholdSource } from "./threshold_source.ts";
import { WireError } from "../wire/decoder.ts";
import { ChannelsSink, type Written } from "./channels_sink.ts";
import { ChannelsSource } from "./channels_source.ts";
import { ShareSender } from "./share_sender.ts";
import { shareJoiner, shortShareJoiner } from "./share_joiner.ts";
import { shareSplitter, shortShareSplitter } from "./share_splitter.ts";

/** Bytes of a channel and direction that are kept before the other side has acknowledged anything. */
const KEPT_UNACKNOWLEDGED = 256 * 1024;

/** Bytes by which a channel may lag behind the others, where it is not needed. */
const MAX_LAG = 4 * 1024 * 1024;

/**
 * n associated connections as one duplex stream of message bytes (paper, section III-E): a pipeline of Web Streams each way.
 *
 *     writable: message bytes | shareSplitter | ChannelsSink: n channels
 *     readable: n channels: ChannelsSource | shareJoiner | message bytes
 *
 * A stage costs 0.35 microseconds a chunk, little for chunks that carry all that was sent in a turn of the event loop.
 *
 * Owns the connections. The association's owner ends it with {@linkcode Association.end} or {@linkcode Association.abort},
 * which may be repeated; nothing else closes a connection.
 */
export class Association {
  /** Its name in both handlers' logs; see {@linkcode associationId}. */
  readonly id: string;
  /** Number of bytes of each channel that have been joined. */
  joined = 0;
  /** Number of channels that suffice. */
  readonly threshold: number;
  /** Length of its shares. */
  readonly shares: Shares;
  /** Splits and joins whole messages: datagrams, and records unless its shares are short. */
  readonly scheme: Scheme;
  readonly #message: ReadableStream<Chunk> | null = null;
  readonly #verified: ThresholdSource | null = null;
  /** Message bytes to send, in chunks that fit a pooled buffer, of whole records where shares are short. Closing half-closes. */
  readonly writable: WritableStream<Chunk>;
  /** The list message of its handshake (docs/PROTOCOL.md 2.2), as sent or echoed; empty before it is known. */
  list: Uint8Array = new Uint8Array(0);
  /** Called once all channels have accepted a written chunk. */
  written: Written = () => {};
  /** The channel's error, if a channel ended it. */
  failure: ChannelError | null = null;
  /** The error passed to {@linkcode Association.fail}, if that ended it. */
  fault: Error | null = null;
  /** Called once, when it is ended or aborted. */
  ending: () => void = () => {};
  /** The channels' addresses at the server handler; on a server, of a channel that has never joined, an unknown one. */
  readonly addresses: Address[];
  /** Channels that were stalled a moment ago: the system can't tell after a channel has been reset. */
  suspects: readonly number[] = [];
  readonly #readers: readonly ChannelReader[];
  readonly #senders: readonly ShareSender[];
  readonly #away = new Set<number>();
  readonly #liars = new Set<number>();
  #rejoining: Rejoining | null = null;
  #acknowledged = 0;
  readonly #over = Promise.withResolvers<void>();
  #ended = false;

  /**
   * Takes ownership of the channels.
   *
   * @param id Its name.
   * @param readers Readers of at least two associated connections, in the order of shares; null for one that joins later.
   * @param addresses The channels' addresses at the server handler, for errors and metrics.
   */
  constructor(
    id: string,
    readers: readonly (ChannelReader | null)[],
    addresses: readonly Address[],
    sharing: Sharing = {},
  ) {
    const { threshold = readers.length } = sharing, short = sharing.short === true && threshold === readers.length;
    this.id = id;
    this.threshold = threshold;
    this.shares = short ? "short" : "full";
    this.addresses = [...addresses];
    const all = this.#readers = readers.map((reader, index) =>
      reader ?? new ChannelReader(new NoConnection(addresses[index]!))
    );
    const events = {
      failed: (index: number, cause: unknown) => this.channelFailed(index, cause),
      ended: (index: number) => this.#goesOn(index),
      joined: (length: number) => void (this.joined += length),
      lied: (indexes: readonly number[]) => indexes.forEach((index) => this.#lied(index)),
      isAway: (index: number) => this.#away.has(index),
    };
    if (threshold === readers.length) {
      this.scheme = xor;
      const joiner = short ? shortShareJoiner(threshold) : shareJoiner(this.scheme);
      this.#message = new ChannelsSource(all, events).readable.pipeThrough(joiner);
    } else {
      const ofSome = this.scheme = thresholdScheme(threshold);
      this.#verified = new ThresholdSource(all, ofSome, events, sharing.clock ?? systemClock);
    }
    this.#senders = all.map(({ connection }, index) => new ShareSender(connection, (cause) => this.lost(index, cause)));
    all.forEach((reader, index) => reader.lost = (cause) => this.lost(index, cause) === null);
    for (const index of readers.keys()) if (readers[index] === null) void this.suspend(index);
    const sink = new ChannelsSink(this.#senders, () => {
      this.written();
      if (threshold < readers.length) this.#cutLaggards();
    }, threshold);
    const pads = commonGuard(sharing.pads ?? padSource("auto")), count = readers.length;
    const splitter = short ? shortShareSplitter(pads, count) : shareSplitter(this.scheme, pads, count);
    this.writable = splitter.writable;
    // A channel's failure reaches the writer through the pipe.
    splitter.readable.pipeTo(sink.writable).catch(() => {});
  }

  /**
   * Received message bytes; the reader holds each chunk. Ends as {@linkcode ChannelsSource} does. There are none with a
   * threshold: only records tell which shares are right.
   */
  get readable(): ReadableStream<Chunk> {
    if (this.#message === null) throw new TypeError("no message bytes before they are verified");
    return this.#message;
  }

  /** Bodies of records that have been verified; the reader holds each. Either this or `readable` is used, once. */
  records(): ReadableStream<readonly Chunk[]> {
    return this.#verified?.readable ?? this.readable.pipeThrough(recordOpener());
  }

  /** The connections, in the order of their shares; the last one of a channel that is away. */
  get connections(): readonly Connection[] {
    return this.#readers.map(({ connection }) => connection);
  }

  /** Lets broken channels be joined again, and keeps the shares for it; null ends the association with the next one. */
  set rejoining(rejoining: Rejoining | null) {
    this.#rejoining = rejoining;
    this.#keep();
  }

  /** Number of bytes of each channel's share that have been made. */
  get offered(): number {
    return this.#senders[0]!.end;
  }

  /** Number of bytes of each channel that the other side is known to have joined. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Keeps little until the other side acknowledges anything: it may never do. */
  #keep(): void {
    const limits = this.#rejoining?.limits ?? null, bytes = this.#acknowledged > 0 ? Infinity : KEPT_UNACKNOWLEDGED;
    for (const sender of this.#senders) {
      sender.keep(limits === null ? null : { ...limits, bytes: Math.min(limits.bytes, bytes) });
    }
  }

  /** True if broken channels are joined again, as far as is known. */
  get rejoins(): boolean {
    return this.#rejoining?.allows(0, null) ?? false;
  }

  /** Indexes of the channels that can bring what comes next. */
  get #useful(): number[] {
    return [...this.#readers.keys()].filter((index) =>
      !this.#away.has(index) && !(this.#verified?.isAhead(index) ?? false)
    );
  }

  /** True while so many channels are away that nothing moves. */
  get isPaused(): boolean {
    // Without an array where all are needed: this is asked for thousands of associations at a time.
    return this.#verified === null ? this.#away.size > 0 : this.#useful.length < this.threshold;
  }

  /** True for a channel that is known to lie. */
  isLiar(index: number): boolean {
    return this.#liars.has(index);
  }

  /** Indexes of the channels that are broken and not joined again yet. */
  get away(): ReadonlySet<number> {
    return this.#away;
  }

  /**
   * Gives up a channel's connection.
   *
   * @param cause The error of its connection, or why it is given up; null after an orderly end.
   * @returns null if the channel is joined again; the error to throw otherwise, while the association goes on until its
   * owner ends it.
   */
  lost(index: number, cause: unknown): Error | null {
    if (this.#away.has(index)) return null;
    const rejoining = this.#ended || this.reason !== null ? null : this.#rejoining;
    if (rejoining === null || !this.#canLose(index, cause, rejoining)) return this.channelFailed(index, cause);
    void this.suspend(index);
    rejoining.broken(index, cause);
    return null;
  }

  /** True if the association goes on without a channel, or waits for it. An orderly end of one without use is the end of all. */
  #canLose(index: number, cause: unknown, rejoining: Rejoining): boolean {
    if (cause === null && !rejoining.inUse()) return false;
    const left = this.#useful.filter((useful) => useful !== index);
    return left.length >= this.threshold || rejoining.allows(index, cause);
  }

  /** Gives up a channel that lies, for good. */
  #lied(index: number): void {
    if (this.#liars.has(index) || this.#ended) return;
    this.#liars.add(index);
    this.#rejoining?.lied(index);
    void this.suspend(index);
    this.#senders[index]!.skip();
  }

  /** Gives up the channels that lag too far behind: what is kept for them is bounded. They come back at a later place. */
  #cutLaggards(): void {
    this.#senders.forEach((sender, index) => {
      if (sender.behind <= MAX_LAG && !(sender.behind > 0 && sender.isOverdrawn)) return;
      if (this.lost(index, new Lagging(sender.behind)) === null) sender.skip();
    });
  }

  /** True if a channel that has ended in order, with all of its bytes joined, is joined again. */
  async #goesOn(index: number): Promise<boolean> {
    if (this.#rejoining === null) return false;
    await this.#rejoining.handled();
    // Meanwhile the other side may have given the connection up, too, and joined the channel again.
    if (this.#readers[index]!.ended === null) return true;
    return !this.#ended && this.lost(index, null) === null;
  }

  /**
   * Resets a channel's connection, unless that has been done.
   *
   * @returns The number of bytes received on the channel, once nothing more can arrive on that connection.
   */
  async suspend(index: number): Promise<number> {
    const reader = this.#readers[index]!;
    this.#away.add(index);
    this.#senders[index]!.pause();
    reader.connection.reset();
    await reader.pause();
    return reader.received;
  }

  /**
   * Goes on with another connection for a channel that is away, and owns it.
   *
   * @param received Number of bytes that the other side has received on the channel.
   * @throws {RangeError} If the shares from there on are not kept; the caller owns the connection then.
   */
  resume(index: number, connection: Connection, received: number): void {
    // Only where all channels are needed: others may have brought what this one has not.
    const isNeeded = this.threshold === this.#readers.length;
    if (isNeeded && received < this.#acknowledged) {
      throw new RangeError(`the other side has ${received} bytes, but had joined ${this.#acknowledged}`);
    }
    this.#senders[index]!.resume(connection, received, !isNeeded);
    this.#away.delete(index);
    this.#readers[index]!.resume(connection, !isNeeded);
  }

  /** Notes that the other side has joined a number of bytes of each channel. @throws {WireError} If that can't be. */
  acknowledge(joined: number): void {
    if (joined < this.#acknowledged || this.#senders.some(({ end }) => joined > end)) {
      throw new WireError(`ACK of ${joined} bytes, out of range`);
    }
    const isFirst = this.#acknowledged === 0 && joined > 0;
    this.#acknowledged = joined;
    if (isFirst) this.#keep();
    for (const sender of this.#senders) sender.joined(joined);
  }

  /** The error that ended it, of a channel or of {@linkcode Association.fail}; null before. */
  get reason(): Error | null {
    return this.failure ?? this.fault;
  }

  /** Indexes of the channels whose paths seem to have stopped; empty where the system can't tell. */
  get stalled(): number[] {
    return [...this.connections.keys()].filter((index) => this.connections[index]!.stalled === true);
  }

  /**
   * Records that a channel failed; the first failure becomes {@linkcode Association.failure}. If the other side ended the
   * channel while another channel's path has stopped, blames the latter: the other side noticed first.
   *
   * @returns The error to throw: {@linkcode Association.fault} if that made the channel fail.
   */
  channelFailed(index: number, cause: unknown): Error {
    if (this.fault !== null) return this.fault;
    this.failure ??= this.#blame(index, cause);
    return this.failure;
  }

  #blame(index: number, cause: unknown): ChannelError {
    const now = this.stalled, stalled = now.length > 0 ? now : this.suspects;
    const culprit = stalled[0];
    if (culprit === undefined || stalled.includes(index) || !isByOtherSide(cause)) {
      return new ChannelError(index, this.addresses[index]!, cause);
    }
    const reason = `no answer to what was sent; ${channelsOf([index])}: ${reasonOf(cause)}`;
    return new ChannelError(culprit, this.addresses[culprit]!, new Error(reason, { cause }));
  }

  /** Aborts it for a reason other than a channel's failure. */
  fail(cause: unknown): void {
    if (this.#ended) return;
    this.fault = cause instanceof Error ? cause : new Error(String(cause));
    this.abort();
  }

  /** Bytes received on each channel. */
  get received(): number[] {
    return this.#readers.map((reader) => reader.received);
  }

  /** Bytes that each channel has accepted, those sent again included. */
  get sent(): readonly number[] {
    return this.#senders.map(({ accepted }) => accepted);
  }

  /** Bytes that wait for each channel to accept them. */
  get behind(): readonly number[] {
    return this.#senders.map(({ behind }) => behind);
  }

  /** Bytes of shares that all channels keep together, until the other side has joined them. */
  get kept(): number {
    return this.#senders.reduce((total, { end, from }) => total + end - from, 0);
  }

  /** Resolves when it is ended or aborted. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Bytes that each channel did not bring, as it was not joined to the association. */
  get skipped(): number[] {
    return this.#readers.map(({ skipped }) => skipped);
  }

  /** Bytes received on one channel. @param index The channel's index, from 0. */
  receivedOn(index: number): number {
    return this.#readers[index]!.received;
  }

  /** True if a channel's connection should bring something, as it is read: more than it has brought can be of use. */
  isExpected(index: number): boolean {
    return !this.#away.has(index) && this.awaits(index);
  }

  /** True if the channel is furthest behind: nothing can be joined until it brings more. */
  awaits(index: number): boolean {
    return this.#verified?.awaits(index) ?? this.#readers[index]!.available === 0;
  }

  /** Closes every channel in order: bytes that have left still arrive. */
  end(): void {
    this.#teardown((connection) => connection.close());
  }

  /** Resets every channel: the other side notices immediately, and bytes on their way may be lost. */
  abort(): void {
    this.#teardown((connection) => connection.reset());
  }

  /** True once it was ended or aborted. */
  get ended(): boolean {
    return this.#ended;
  }

  #teardown(finish: (connection: Connection) => void): void {
    if (this.#ended) return;
    this.#ended = true;
    this.connections.forEach(finish);
    const error = this.reason ?? new AssociationOver();
    for (const sender of this.#senders) sender.stop(error);
    for (const reader of this.#readers) reader.release();
    this.ending();
    this.#over.resolve();
  }
}
