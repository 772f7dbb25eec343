import type { Association } from "../association/association.ts";
import { ChannelError } from "../association/channel_error.ts";
import { SlotMap } from "../collections/slot_map.ts";
import type { Chunk } from "../net/chunk.ts";
import { RecordEncoder } from "../records/record_encoder.ts";
import { RecordError } from "../records/record_decoder.ts";
import { guardedRandom } from "../sharing/guarded_pads.ts";
import { systemPads } from "../sharing/system_pads.ts";
import { deadline } from "../time/deadline.ts";
import { WireError } from "../wire/decoder.ts";
import { type Frame, frameName, FrameType, ResultCode } from "../wire/frame.ts";
import { FrameDecoder } from "../wire/frame_decoder.ts";
import { encode } from "../wire/frame_encoder.ts";
import type { DatagramMeans } from "../wire/datagrams.ts";
import type { Open } from "../wire/open.ts";
import type { Offer } from "../wire/rejoin.ts";
import type { Workers } from "../wire/workers.ts";
import { Acknowledger } from "./acknowledger.ts";
import type { Verdict } from "./authentication.ts";
import { HandlerEnding, StreamReset, Unread } from "./errors.ts";
import type { MultiplexerOptions } from "./multiplexer_options.ts";
import { FRAMES_PER_STREAM, Outbox } from "./outbox.ts";
import { Owed } from "./owed.ts";
import { StreamPlaces } from "./stream_places.ts";
import { Stream, type StreamOwner, type StreamReceiver } from "./stream.ts";

/** Time limit for the last frames of an association to leave, in milliseconds. */
const LAST_FRAMES_TIMEOUT = 1000;

/** Time in milliseconds for which an association counts as filled after a bulk flow was noticed. */
const FILLED_FOR = 1000;

/** The most streams that a server can allow at a time. */
const MAX_STREAMS = 65_536;

/** Source of all keys; shared, so that it notices a repetition across associations too. */
const random = guardedRandom(systemPads);

/**
 * The streams of one association, in frames in sealed records (docs/PROTOCOL.md 4 to 6). Reads all that arrives: credit bounds
 * what streams hold of it.
 *
 * Owns the association: ends it when a channel fails, and aborts it at the first record that is not right and at each
 * violation of the protocol.
 */
export class Multiplexer {
  /** The association. */
  readonly association: Association;
  /** The other side's first frame, if that was WORKERS. */
  workers: Workers | null = null;
  /** True once no further stream is opened here. */
  leaving = false;
  /** Time when a record last arrived, in milliseconds of the clock; at first that of creation. */
  heardAt: number;
  /** Number of the last stream opened. */
  opened = 0;
  /** Called on a client when it may open more streams, and at the end. */
  grown: () => void = () => {};
  readonly #options: MultiplexerOptions;
  readonly #outbox: Outbox;
  readonly #owner: StreamOwner;
  readonly #streams = new SlotMap<number, Stream>();
  readonly #places = new StreamPlaces();
  readonly #acks: Acknowledger;
  #offering = false;
  readonly #owed: Owed;
  #heard = 0;
  #heardBye = false;
  #filledAt = -Infinity;
  #ponging = false;
  #started = false;
  #ending = false;
  /** True once the other side was refused: its further frames mean nothing. */
  #denied = false;

  /** Takes ownership of an association: nothing has been read from it or written to it. */
  constructor(association: Association, options: MultiplexerOptions) {
    this.association = association;
    this.#options = options;
    const { clock, budget, maxCredit, counters } = options;
    this.heardAt = clock.now();
    const { shares } = association;
    const outbox = this.#outbox = new Outbox(new RecordEncoder(random), { ...options, shares });
    this.#owed = new Owed(association, outbox);
    association.written = () => {
      outbox.written();
      this.#owed.note();
    };
    this.#acks = new Acknowledger({
      clock,
      joined: () => association.joined,
      send: (joined) => this.#push(encode.ack(joined), true),
    });
    this.#owner = {
      push: (frame, soon) => this.#push(frame, soon),
      ready: (stream, soon) => outbox.ready(stream, soon),
      whenLeft: (left) => outbox.whenLeft(left),
      over: (stream) => this.#over(stream),
      waits: () => void counters.creditWaits++,
      bulk: () => void (this.#filledAt = clock.now()),
      clock,
      budget,
      maxCredit,
    };
    const failed = (error: unknown) => this.#failed(error);
    outbox.readable.pipeTo(association.writable).catch(failed);
    const frames = new WritableStream<readonly Chunk[]>({ write: (records) => this.#receive(records) });
    association.records().pipeTo(frames).then(() => this.#failed(null), failed);
    association.over.then(() => {
      outbox.stop();
      this.#acks.stop();
      this.#abandon();
    });
    const hello = options.authentication?.hello;
    if (hello) this.#push(hello);
  }

  /** Number of open streams. */
  get size(): number {
    return this.#streams.size;
  }

  /** True while it carries a stream, or the other side has not got all of one that is over here. */
  get inUse(): boolean {
    return this.size > 0 || this.#owed.any;
  }

  /** True once both sides acknowledge what they have joined. */
  get acknowledges(): boolean {
    return this.#acks.running;
  }

  /** Number of writes so far. */
  get sent(): number {
    return this.#outbox.passed;
  }

  /** True while a bulk flow fills the association. */
  get filled(): boolean {
    return this.#filledAt !== -Infinity && this.#options.clock.now() - this.#filledAt < FILLED_FOR;
  }

  /**
   * True on a client if a stream can be opened, as far as is known. A channel's failure is known before streams fail; while
   * too many are away, a session had better be elsewhere.
   */
  get usable(): boolean {
    const { ended, failure } = this.association;
    if (this.leaving || this.#ending || ended || failure !== null || this.association.isPaused) return false;
    return this.opened < this.#places.limit;
  }

  /** Opens a stream: the client's part. It must be {@linkcode Multiplexer.usable}. */
  open(open: Open, receiver: StreamReceiver): Stream {
    const stream = new Stream(++this.opened, this.#owner, true);
    stream.receiver = receiver;
    this.#add(stream);
    this.#push(encode.open(stream.number, open));
    return stream;
  }

  /** On a server: gives the place of a stream to another one, as nothing of it is left here. */
  release(): void {
    this.#places.release();
    this.#admit();
  }

  /** Sends PING. PONG is handled here. */
  ping(): void {
    this.#push(encode.ping());
  }

  /** On a server: hands out the means to join a channel again. */
  offer(offer: Offer): void {
    this.#offering = true;
    this.#push(encode.offer(offer));
  }

  /** Hands out the means to send datagrams, once. */
  handOut(means: DatagramMeans): void {
    this.#push(encode.datagrams(means));
  }

  /** Opens no further stream, or on a server takes none: that sends BYE, unless the client has never opened one. */
  leave(): void {
    if (this.leaving) return;
    this.leaving = true;
    const isServer = this.#options.opened !== undefined;
    if (isServer && this.opened > 0) this.#push(encode.bye(this.opened));
    if (!isServer && this.#streams.size === 0) this.#options.changed?.(this);
  }

  /**
   * Ends the association in order once all frames have left, or after a second in which it was not paused. Resets streams
   * that are open.
   */
  async end(): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    // Otherwise the other side might think that it owes something.
    this.#acks.flush();
    const { association } = this, done = Promise.race([this.#outbox.flushed(), association.over]);
    for (let isPaused = true; isPaused && !association.ended;) {
      using limit = deadline(this.#options.clock, LAST_FRAMES_TIMEOUT, { reason: () => new HandlerEnding() });
      // Bytes that have left may be lost with a channel that is away.
      await limit.race(association.isPaused ? association.over : done).catch(() => {});
      isPaused = association.isPaused;
    }
    this.association.end();
  }

  /** Sends a frame; WORKERS first, if this is the direction's first. */
  #push(frame: Uint8Array, soon = false): void {
    const { workers } = this.#options;
    if (!this.#started && workers !== null) this.#outbox.push(encode.workers(workers));
    this.#started = true;
    this.#outbox.push(frame, soon);
    const { maxStreams } = this.#options;
    const streams = maxStreams === undefined ? MAX_STREAMS : Math.max(maxStreams(), this.#places.taken);
    const most = FRAMES_PER_STREAM * streams;
    if (this.#outbox.waiting > most) this.association.fail(new Unread(most));
  }

  #add(stream: Stream): void {
    this.#streams.set(stream.number, stream);
    if (this.#streams.size === 1) this.#options.changed?.(this);
  }

  #over(stream: Stream): void {
    this.#streams.delete(stream.number);
    this.#owed.add();
    if (this.#streams.size === 0) this.#options.changed?.(this);
  }

  #receive(records: readonly Chunk[]): void | Promise<void> {
    this.heardAt = this.#options.clock.now();
    return this.#handleFrom(records, 0, null);
  }

  /** Handles the frames of records from one on. @param frames The rest of its frames; null for all. */
  #handleFrom(records: readonly Chunk[], first: number, frames: FrameDecoder | null): void | Promise<void> {
    for (let at = first; at < records.length; at++) {
      const record = records[at]!, decoder = frames ?? new FrameDecoder(record.bytes);
      frames = null;
      for (let frame = decoder.next(); frame !== null && !this.#denied; frame = decoder.next()) {
        this.#acks.received(frame.type);
        const verdict = this.#handle(frame, record);
        if (verdict === undefined) continue;
        if (!(verdict instanceof Promise)) this.follow(verdict);
        else return verdict.then((verdict) => this.follow(verdict)).then(() => this.#handleFrom(records, at, decoder));
      }
      record.release();
    }
  }

  /** Does what follows from authentication. */
  follow({ send, soon, done, end, fail }: Verdict): void {
    if (send !== undefined) this.#push(send, soon);
    done?.();
    if (fail !== undefined) this.association.fail(fail);
    if (!end) return;
    this.#denied = true;
    this.leaving = true;
    for (const stream of this.#streams.values()) stream.fail(new HandlerEnding());
    // The other side ends the association when it has read the reason; closing first might discard that.
    const cancel = this.#options.clock.after(LAST_FRAMES_TIMEOUT, () => this.association.end());
    this.association.over.then(cancel);
  }

  /** @returns The verdict on a frame of authentication. */
  #handle(frame: Frame, record: Chunk): Verdict | Promise<Verdict> | void {
    const isFirst = this.#heard++ === 0;
    const { opened, authentication } = this.#options, isServer = opened !== undefined;
    switch (frame.type) {
      case FrameType.Data:
        return this.#of(frame)?.onData(frame.bytes, record);
      case FrameType.End:
        return this.#of(frame)?.onEnd();
      case FrameType.Credit:
        return this.#of(frame)?.onCredit(frame.increment);
      case FrameType.Blocked:
        return this.#of(frame)?.onBlocked();
      case FrameType.Reset:
        return this.#of(frame)?.fail(new StreamReset(frame.code));
      case FrameType.Ping:
        return this.#pong(frame.payload);
      case FrameType.Pong:
      case FrameType.Pad:
        return;
      case FrameType.Workers:
        if (!isFirst) throw new WireError("WORKERS that is not the first frame");
        this.workers = frame.workers;
        return;
      case FrameType.Ack:
        if (!this.#acks.running && !this.#offering) break;
        this.association.acknowledge(frame.joined);
        return this.#acks.start();
      case FrameType.Offer:
        if (isServer) break;
        if (this.#options.offered?.(frame.offer)) this.#acks.start();
        return;
      case FrameType.Datagrams:
        if (isServer && authentication?.admits === false) return authentication.refuse();
        return this.#options.datagrams?.(frame.means);
      case FrameType.Open:
        if (!isServer) break;
        return this.#onOpen(frame.stream, frame.open);
      case FrameType.Hello:
      case FrameType.Auth:
      case FrameType.Enroll:
      case FrameType.Enrolled:
      case FrameType.Denied:
        if (authentication === undefined) break;
        return authentication.receive(frame);
      case FrameType.Result:
        if (isServer) break;
        return this.#of(frame)?.onResult(frame.code, frame.text);
      case FrameType.Bye:
        if (isServer || this.#heardBye) break;
        return this.#onBye(frame.last);
      case FrameType.Streams:
        if (isServer) break;
        this.#places.raise(frame.limit);
        return this.grown();
    }
    throw new WireError(`${frameName(frame.type)} where it is not allowed`);
  }

  /** The stream of a frame; null if it is over, or not taken. */
  #of({ type, stream }: { readonly type: FrameType; readonly stream: number }): Stream | null {
    const found = this.#streams.get(stream);
    if (found?.awaitsResult && type !== FrameType.Result) throw new WireError(`${frameName(type)} before RESULT`);
    if (found !== undefined) return found;
    if (stream > this.opened && !(this.leaving && this.#options.opened !== undefined)) {
      throw new WireError("a frame on a stream that was never opened");
    }
    return null;
  }

  #onOpen(number: number, open: Open): Verdict | void {
    const { authentication } = this.#options;
    if (authentication !== undefined && !authentication.admits) return authentication.refuse();
    if (this.leaving) {
      // The client learns from BYE that no stream above the last was taken.
      if (!this.#started) this.#push(encode.bye(0));
      return;
    }
    if (number !== this.opened + 1) throw new WireError("OPEN out of order");
    if (number > this.#places.limit) throw new WireError("OPEN beyond the number of streams granted");
    this.opened = number;
    const stream = new Stream(number, this.#owner, false);
    this.#add(stream);
    this.#admit();
    if (number === 1) this.#options.offer?.();
    this.#options.opened!(stream, open);
  }

  #onBye(last: number): void {
    this.#heardBye = true;
    this.leaving = true;
    for (const stream of this.#streams.values()) {
      if (stream.number > last) stream.onResult(ResultCode.NotProcessed, "the handler is ending");
    }
    if (this.#streams.size === 0) this.#options.changed?.(this);
    this.grown();
  }

  #admit(): void {
    const places = this.#places;
    if (places.grant(this.opened, this.#options.maxStreams?.() ?? 0)) this.#push(encode.streams(places.limit));
  }

  /** Answers PING; drops it while an earlier answer has not left, so that a flood of PINGs does not fill memory. */
  #pong(payload: Uint8Array): void {
    // A server sends nothing before the first OPEN.
    if (this.opened === 0 || this.#ponging) return;
    this.#ponging = true;
    this.#push(encode.pong(payload));
    this.#outbox.flushed().then(() => this.#ponging = false);
  }

  /** Handles the end of either direction. @param error Null if a channel ended in order. */
  #failed(error: unknown): void {
    if (error instanceof RecordError) this.#options.counters.refusedRecords++;
    if (error === null || error instanceof ChannelError) this.association.end();
    // Any other error is no channel's: the first one wins.
    else this.association.fail(error);
  }

  /** Fails all streams, as the association has ended. */
  #abandon(): void {
    this.leaving = true;
    const error = this.association.reason ?? new HandlerEnding();
    for (const stream of this.#streams.values()) stream.fail(error);
    this.grown();
  }
}
