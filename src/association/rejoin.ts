import { MicssError, reasonOf } from "../errors/errors.ts";
import type { ChannelAddress } from "../net/address.ts";
import type { ByteBudget } from "../net/byte_budget.ts";
import { type Connection, type Network, readFull, writeAll } from "../net/connection.ts";
import { requirePlainTcp } from "../net/listen/plain_tcp.ts";
import type { Clock } from "../time/clock.ts";
import { deadline } from "../time/deadline.ts";
import { decodeFrom, WireError } from "../wire/decoder.ts";
import { RefusedReason } from "../wire/associate.ts";
import { decodeGreeting } from "../wire/greeting.ts";
import { decodeRejoinReply, encodeRejoin, type Offer, REJOIN_ATTEMPTS } from "../wire/rejoin.ts";
import type { Association } from "./association.ts";
import { isByOtherSide, Lagging } from "./channel_error.ts";
import type { Rejoining } from "./association_options.ts";
import { HandshakeRefused, HandshakeTimeout } from "./outcome.ts";
import { RejoinKey } from "./rejoin_key.ts";
import { sameBytes } from "./same_bytes.ts";
import type { KeepingLimits } from "./share_sender.ts";

/** Maximum bytes of shares kept for a channel and direction. */
export const MAX_KEPT = 4 * 1024 * 1024;

/** Bytes of shares that all channels of a handler keep together. */
export const KEPT_BUDGET = 64 * 1024 * 1024;

/** Bounds of the pause between two attempts, in milliseconds; it doubles after each. */
const MIN_PAUSE = 100, MAX_PAUSE = 2000;

/** Bounds of the pause before a channel that is not needed is tried again, in milliseconds. */
const LONG_PAUSE = 1000, MAX_LONG_PAUSE = 30_000;

/** Time limits of a channel's absence, in milliseconds. */
export interface RejoinLimits {
  /** Maximum absence; 0 if broken channels are not joined again. */
  readonly rejoin: number;
  /** Maximum duration of an attempt. */
  readonly handshake: number;
}

/** Reports of what happens to channels. */
export interface RejoinEvents {
  /** A channel is known to lie, and takes no part any more. */
  lied(index: number): void;
  /** A channel has broken, and is to be joined again. */
  broken(index: number, cause: unknown): void;
  /** A channel has been joined again. @param ms Duration of its absence, in milliseconds. */
  rejoined(index: number, ms: number): void;
}

/** Options of {@linkcode Rejoiner}. */
export interface RejoinerOptions {
  /** Makes the connections. */
  readonly network: Network;
  /** Measures time limits. */
  readonly clock: Clock;
  /** Returns the current time limits. */
  readonly limits: () => RejoinLimits;
  /** Bounds what all channels keep. */
  readonly budget: ByteBudget;
  /** Returns true if the association carries a session, or owes bytes of one; another one is ended instead. */
  readonly inUse: () => boolean;
  /** Reports. */
  readonly events: RejoinEvents;
  /** Cancels, with its reason. */
  readonly signal: AbortSignal;
}

/** A channel has been away for too long, or can't be joined again. */
export class NotRejoined extends MicssError {
  /**
   * Creates the error.
   *
   * @param why Begins with a verb: "not joined again within 30 s".
   * @param isFinal True if no later attempt can succeed.
   * @param before What came before. Default: the cause, for which this channel broke.
   */
  constructor(why: string, cause: unknown, readonly isFinal = false, before = `it broke first: ${reasonOf(cause)}`) {
    super(`${why}; ${before}`, { cause });
  }
}

/** State of the means to join a channel again. */
interface Means {
  readonly key: RejoinKey;
  /** Attempts whose codes were sent. */
  attempts: number;
}

/**
 * The client's side of joining broken channels again (docs/PROTOCOL.md 9): connects to the channel's address, by its way,
 * and proves with what the server handler has offered that it continues the same channel.
 */
export class Rejoiner implements Rejoining {
  readonly limits: KeepingLimits | null;
  readonly #association: Association;
  readonly #options: RejoinerOptions;
  readonly #means = new Map<number, Means>();
  /** Why channels broke that are broken now. */
  readonly #causes = new Map<number, unknown>();
  /** Channels whose last attempt was refused as if nothing were there. */
  readonly #gone = new Set<number>();
  readonly #addresses: readonly ChannelAddress[];
  /** Since when too few channels are left, in milliseconds of the clock; null while there are enough. */
  #pausedAt: number | null = null;

  /** Takes care of an association, which carries nothing yet. */
  constructor(association: Association, options: RejoinerOptions) {
    this.#association = association;
    this.#options = options;
    this.limits = options.limits().rejoin > 0 ? { bytes: MAX_KEPT, budget: options.budget } : null;
    // The host that the connection was made to, of several.
    this.#addresses = association.connections.map(({ remote }, index) => {
      return { ...association.addresses[index]!, host: remote.host };
    });
    const needsAll = association.threshold === this.#addresses.length;
    if (this.limits !== null || !needsAll) association.rejoining = this;
    for (const index of association.away) void this.#keepJoining(index, new MicssError("it has not joined yet"));
  }

  /**
   * Takes what an OFFER brings, in the place of an earlier one for the channel.
   *
   * @returns False if broken channels are not joined again.
   * @throws {WireError} If there is no such channel.
   */
  offered(offer: Offer): boolean {
    if (offer.index >= this.#addresses.length) throw new WireError(`OFFER for channel ${offer.index + 1}`);
    this.#means.set(offer.index, { key: new RejoinKey(offer), attempts: 0 });
    return this.#options.limits().rejoin > 0;
  }

  allows(index: number): boolean {
    return this.#options.limits().rejoin > 0 && this.#means.has(index) && this.inUse();
  }

  inUse(): boolean {
    return this.#options.inUse();
  }

  lied(index: number): void {
    this.#options.events.lied(index);
  }

  handled(): Promise<void> {
    return new Promise((resolve) => this.#options.clock.soon(resolve));
  }

  broken(index: number, cause: unknown): void {
    const { events, clock } = this.#options;
    events.broken(index, cause);
    this.#causes.set(index, cause);
    if (this.#association.isPaused) this.#pausedAt ??= clock.now();
    void this.#keepJoining(index, cause);
  }

  /** Joins a channel again. If that takes too long, the association goes on without it while it can. */
  async #keepJoining(index: number, cause: unknown): Promise<void> {
    const { clock, signal, limits } = this.#options, association = this.#association;
    for (let pause = LONG_PAUSE; limits().rejoin > 0; pause = Math.min(2 * pause, MAX_LONG_PAUSE)) {
      // A channel that lags would lag again.
      if (cause instanceof Lagging) await this.#pause(pause);
      try {
        return await this.#join(index, cause);
      } catch (error) {
        if (association.ended || association.isLiar(index)) return;
        const isFinal = signal.aborted || error instanceof NotRejoined && error.isFinal;
        const pausedFor = clock.now() - (this.#pausedAt ?? clock.now());
        if (association.isPaused && (isFinal || pausedFor >= limits().rejoin)) {
          association.channelFailed(index, error);
          return association.abort();
        }
        if (isFinal) return;
        // It is needed now: no long pause before the next attempt.
        if (association.isPaused) continue;
      }
      await this.#pause(pause);
    }
  }

  /** Resolves after a time, or when the association has ended. */
  #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(ms, resolve);
    return Promise.race([promise, this.#association.over]).finally(cancel);
  }

  /** Joins a channel again. @throws {NotRejoined} If that is impossible, or takes too long. */
  async #join(index: number, cause: unknown): Promise<void> {
    const { clock, limits, events, signal } = this.#options;
    const began = clock.now(), { rejoin } = limits();
    let last: unknown = null;
    const reason = () => {
      const after = last === null ? "" : `: ${reasonOf(last)}`;
      return new NotRejoined(`not joined again within ${rejoin / 1000} s${after}`, cause);
    };
    using limit = deadline(clock, rejoin, { reason, signal });
    const over = this.#association.over.then(() => limit.abort(new NotRejoined("the association has ended", cause)));
    over.catch(() => {});
    for (let pause = MIN_PAUSE;; pause = Math.min(2 * pause, MAX_PAUSE)) {
      limit.signal.throwIfAborted();
      const received = await this.#association.suspend(index);
      try {
        await this.#attempt(index, received, limit.signal);
        this.#gone.delete(index);
        this.#causes.delete(index);
        if (!this.#association.isPaused) this.#pausedAt = null;
        return events.rejoined(index, clock.now() - began);
      } catch (error) {
        limit.signal.throwIfAborted();
        if (isFinal(error)) {
          throw new NotRejoined(`not joined again: ${reasonOf(error)}`, cause, true, this.#before(error));
        }
        this.#noteGone(index, error, cause);
        last = error;
      }
      await limit.race(this.#pause(pause));
    }
  }

  /** Says what preceded a refusal by a server handler that has ended the association: it closes all channels at one time. */
  #before(error: unknown): string | undefined {
    const isGone = error instanceof HandshakeRefused && error.reason === RefusedReason.NotOffered;
    if (!isGone || this.#causes.size < this.#addresses.length) return undefined;
    if (![...this.#causes.values()].every(isByOtherSide)) return undefined;
    return "all channels were closed by the other side: the server handler's log says why";
  }

  /** Gives up when every channel's address refuses connections: then the server handler has ended. */
  #noteGone(index: number, error: unknown, cause: unknown): void {
    if (error instanceof Deno.errors.ConnectionRefused) this.#gone.add(index);
    else this.#gone.delete(index);
    if (this.#gone.size < this.#addresses.length) return;
    throw new NotRejoined("no channel can be joined again: the server handler has ended", cause, true);
  }

  async #attempt(index: number, received: number, signal: AbortSignal): Promise<void> {
    const { network, clock, limits } = this.#options, { handshake } = limits();
    const reason = () => new HandshakeTimeout(`no answer within ${handshake / 1000} s`);
    using limit = deadline(clock, handshake, { reason, signal });
    const connection = await network.connect(this.#addresses[index]!, limit.signal);
    const close = () => connection.close();
    limit.signal.addEventListener("abort", close, { once: true });
    let taken = false;
    try {
      const arrived = await this.#ask(index, received, connection);
      limit.signal.throwIfAborted();
      this.#association.resume(index, connection, arrived);
      taken = true;
    } catch (error) {
      throw limit.signal.aborted ? limit.signal.reason : error;
    } finally {
      limit.signal.removeEventListener("abort", close);
      if (!taken) connection.reset();
    }
  }

  /** Sends REJOIN. @returns The number of bytes that the server handler has received. */
  async #ask(index: number, received: number, connection: Connection): Promise<number> {
    requirePlainTcp(connection);
    const fill = (into: Uint8Array) => readFull(connection, into);
    const cookie = await decodeFrom(decodeGreeting(), fill);
    const means = this.#means.get(index);
    if (means === undefined) throw new MicssError("the server handler has not offered it yet");
    const { key } = means;
    if (means.attempts >= REJOIN_ATTEMPTS) throw new AttemptsUsed();
    // It is used up once it is sent, whether or not it arrives.
    const attempt = means.attempts++;
    const code = key.ofClient(attempt, received, cookie);
    await writeAll(connection, encodeRejoin({ handle: key.handle, attempt, received, code }));
    const reply = await decodeFrom(decodeRejoinReply(), fill);
    if (reply.kind === "refused") throw new HandshakeRefused(reply.reason);
    if (!sameBytes(reply.code, key.ofServer(attempt, reply.received, received))) {
      throw new WireError("an answer to REJOIN with a wrong code: the channel was tampered with");
    }
    return reply.received;
  }
}

/** All that was offered has been used. */
class AttemptsUsed extends MicssError {
  constructor() {
    super(`all ${REJOIN_ATTEMPTS} attempts that the server handler has offered are used`);
  }
}

/** True if no further attempt can succeed. */
function isFinal(error: unknown): boolean {
  return error instanceof AttemptsUsed || error instanceof RangeError || error instanceof HandshakeRefused;
}
