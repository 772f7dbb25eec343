import { MicssError, reasonOf } from "../errors/errors.ts";
import { type Address, formatAddress } from "../net/address.ts";
import type { Connection } from "../net/connection.ts";
import { commonGuard } from "../sharing/guarded_pads.ts";
import { padSource } from "../sharing/pads.ts";
import { type PadSource } from "../sharing/system_pads.ts";
import type { Scheme } from "../sharing/scheme.ts";
import { xor } from "../sharing/xor.ts";
import type { ChannelReader } from "./channel_reader.ts";
import { ShareJoiner } from "./share_joiner.ts";
import { ShareSplitter } from "./share_splitter.ts";

/** How far a client's handshake had come when a channel failed. */
export interface HandshakeProgress {
  /** The last that had come about on the channel that failed. */
  readonly reached: "nothing" | "connection" | "greeting";
  /** How many other channels there are. */
  readonly others: number;
  /** How many of the others had been greeted. */
  readonly answered: number;
}

/** A channel failed, and with it its association. */
export class ChannelError extends MicssError {
  /**
   * An error that names the channel.
   *
   * @param index The channel's place in the association, from 0.
   * @param address The address of the channel at the server handler.
   * @param cause What happened to it.
   * @param progress How far a client's handshake had come by then.
   */
  constructor(
    readonly index: number,
    readonly address: Address,
    cause: unknown,
    readonly progress?: HandshakeProgress,
  ) {
    super(`channel ${index + 1} (${formatAddress(address)}): ${reasonOf(cause)}`, { cause });
  }
}

/** How an association shares; the same for both directions. */
export interface Sharing {
  /** Default: XOR. */
  readonly scheme?: Scheme;
  /** Default: `padSource("auto")`. */
  readonly pads?: PadSource;
}

/**
 * n associated connections as one duplex stream of message bytes (paper, section III-E): what is written to
 * {@linkcode Association.writable} leaves as shares, what arrives as shares is read from {@linkcode Association.readable}.
 *
 * It owns the connections. Whoever holds the association ends it, once or more, with {@linkcode Association.end} or
 * {@linkcode Association.abort}; nothing else closes a connection.
 */
export class Association {
  /** Names it in both handlers' logs; see {@linkcode associationId}. */
  readonly id: string;
  /** The connections, in the order of their shares. */
  readonly connections: readonly Connection[];
  /** Message bytes that arrive; a chunk is lent until the next read. See {@linkcode ShareJoiner}. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Message bytes to send; a chunk is lent until its write settles. See {@linkcode ShareSplitter}. */
  readonly writable: WritableStream<Uint8Array>;
  /** What ended it, where that was a channel. */
  failure: ChannelError | null = null;
  /** What ended it, where that was {@linkcode Association.fail}. */
  fault: Error | null = null;
  /** Called once, when it is ended or aborted. */
  ending: () => void = () => {};
  readonly #outlet: ShareSplitter;
  readonly #inlets: readonly ChannelReader[];
  /** The channels' addresses at the server handler. */
  readonly addresses: readonly Address[];
  readonly #over = Promise.withResolvers<void>();
  #ended = false;

  /**
   * Takes the channels over.
   *
   * @param id Its name.
   * @param inlets Of at least two associated connections, in the order of their shares; the association's from now on.
   * @param addresses The channels' addresses at the server handler, for errors and for who looks on.
   */
  constructor(id: string, inlets: readonly ChannelReader[], addresses: readonly Address[], sharing: Sharing = {}) {
    const { scheme = xor, pads = padSource("auto") } = sharing;
    this.id = id;
    this.connections = inlets.map((inlet) => inlet.connection);
    this.addresses = addresses;
    this.#inlets = inlets;
    const failed = (index: number, cause: unknown) => this.channelFailed(index, cause);
    this.readable = new ShareJoiner(inlets, scheme, failed).readable;
    this.#outlet = new ShareSplitter(this.connections, scheme, commonGuard(pads), failed);
    this.writable = this.#outlet.writable;
  }

  /** What {@linkcode Association.stalled} was a moment ago: the system no longer tells once a channel has been reset. */
  suspects: readonly number[] = [];

  /** What ended it: a channel, or a reason of {@linkcode Association.fail}; null while nothing has. */
  get reason(): Error | null {
    return this.failure ?? this.fault;
  }

  /** The channels whose paths seem to have stopped; none where that can't be told. */
  get stalled(): number[] {
    return [...this.connections.keys()].filter((index) => this.connections[index]!.stalled === true);
  }

  /**
   * Records that a channel failed: the first to fail is the association's {@linkcode Association.failure}. Where the
   * other side ended it, and another channel's path has stopped, that one is to blame: the other side has noticed first.
   *
   * @returns What is to be thrown: its {@linkcode Association.fault}, if that made the channel fail.
   */
  channelFailed(index: number, cause: unknown): Error {
    if (this.fault !== null) return this.fault;
    this.failure ??= this.#blame(index, cause);
    return this.failure;
  }

  #blame(index: number, cause: unknown): ChannelError {
    const now = this.stalled;
    const stalled = now.length > 0 ? now : this.suspects;
    const culprit = stalled[0];
    if (culprit === undefined || stalled.includes(index) || !isByOtherSide(cause)) {
      return new ChannelError(index, this.addresses[index]!, cause);
    }
    const reason = `no answer to what was sent; ${channelsOf([index])}: ${reasonOf(cause)}`;
    return new ChannelError(culprit, this.addresses[culprit]!, new Error(reason, { cause }));
  }

  /** Aborts it for a reason that is no channel's. */
  fail(cause: unknown): void {
    if (this.#ended) return;
    this.fault = cause instanceof Error ? cause : new Error(String(cause));
    this.abort();
  }

  /** How many bytes have come on each channel. */
  get received(): number[] {
    return this.#inlets.map((inlet) => inlet.received);
  }

  /** How many bytes each channel has taken. */
  get sent(): readonly number[] {
    return this.#outlet.sent;
  }

  /** How many bytes each channel was given: more than it has taken while it is slower than what is said. */
  get offered(): number {
    return this.#outlet.offered;
  }

  /** Resolves once it is ended or aborted. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** How many bytes have come on one channel. @param index Its place, from 0. */
  receivedOn(index: number): number {
    return this.#inlets[index]!.received;
  }

  /** Whether more of a channel is needed before anything more can be joined: whether it is furthest behind. */
  awaits(index: number): boolean {
    return this.#inlets[index]!.available === 0;
  }

  /**
   * Resolves when all that was written so far has left for the channels; a write alone settles before that.
   *
   * @throws {ChannelError} When a channel failed before.
   */
  flushed(): Promise<void> {
    return this.#outlet.flushed();
  }

  /** Ends every channel in order: what has left still arrives. */
  end(): void {
    this.#teardown((connection) => connection.close());
  }

  /** Resets every channel: the other side learns at once, and what was on its way may be lost. */
  abort(): void {
    this.#teardown((connection) => connection.reset());
  }

  /** Whether it was ended or aborted. */
  get ended(): boolean {
    return this.#ended;
  }

  #teardown(finish: (connection: Connection) => void): void {
    if (this.#ended) return;
    this.#ended = true;
    this.connections.forEach(finish);
    for (const inlet of this.#inlets) inlet.release();
    this.ending();
    this.#over.resolve();
  }
}

/** Whether a channel failed because the other side ended it. */
function isByOtherSide(cause: unknown): boolean {
  const { ConnectionReset, ConnectionAborted, BrokenPipe } = Deno.errors;
  return cause === null || [ConnectionReset, ConnectionAborted, BrokenPipe].some((error) => cause instanceof error);
}

/** Channels in words: `channel 3`, `channels 2, 3 and 4`. @param indexes Their places in the association, at least one. */
export function channelsOf(indexes: readonly number[]): string {
  const numbers = indexes.map((index) => index + 1);
  const last = numbers.pop();
  return numbers.length === 0 ? `channel ${last}` : `channels ${numbers.join(", ")} and ${last}`;
}
