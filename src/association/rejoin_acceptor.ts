import { type Address, sameAddress } from "../net/address.ts";
import type { ByteBudget } from "../net/byte_budget.ts";
import { type Connection, writeAll } from "../net/connection.ts";
import { isDisconnect } from "../net/retry.ts";
import type { Clock } from "../time/clock.ts";
import {
  encodeRejoined,
  HANDLE_LENGTH,
  type Offer,
  type Rejoin,
  REJOIN_ATTEMPTS,
  REJOIN_SECRETS_LENGTH,
} from "../wire/rejoin.ts";
import { MicssError } from "../errors/errors.ts";
import type { Association } from "./association.ts";
import type { Rejoining } from "./association_options.ts";
import { MAX_KEPT, NotRejoined, type RejoinEvents } from "./rejoin.ts";
import { RejoinKey } from "./rejoin_key.ts";
import { sameBytes } from "./same_bytes.ts";
import type { KeepingLimits } from "./share_sender.ts";

/**
 * Time for which the server waits when the client has ended every channel, in milliseconds: a client that has exited does so,
 * and one that joins all of them again needs no more.
 */
const ALL_ENDED_TIMEOUT = 2000;

/** Options of {@linkcode Rejoinable}. */
export interface RejoinableOptions {
  /** Finds the channel of a REJOIN. */
  readonly registry: RejoinRegistry;
  /** Measures time limits. */
  readonly clock: Clock;
  /** Returns the maximum absence of a channel, in milliseconds; 0 if broken channels are not joined again. */
  readonly timeout: () => number;
  /** Bounds what all channels keep. */
  readonly budget: ByteBudget;
  /** Returns true once the client has acknowledged anything: then it joins channels again. */
  readonly agreed: () => boolean;
  /** Returns true if the association carries a session, or owes bytes of one. */
  readonly inUse: () => boolean;
  /** Reports. */
  readonly events: RejoinEvents;
  /** Hands out the means to join a channel again. */
  readonly offer: (offer: Offer) => void;
}

/** The client has made another connection for a channel. */
class Replaced extends MicssError {
  constructor() {
    super("the client joins it again");
  }
}

/** A key that was handed out, and the last attempt that was accepted with it. */
interface Issued {
  readonly key: RejoinKey;
  last: number;
}

/** Continues a channel over a connection, which it owns from then on. */
export type Resume = () => Promise<void>;

/** The channels of a server handler that can be joined again, by their handles. */
export class RejoinRegistry {
  readonly #byHandle = new Map<string, Rejoinable>();

  /** Number of handles. */
  get size(): number {
    return this.#byHandle.size;
  }

  /** Adds a channel's handle. */
  add(key: RejoinKey, owner: Rejoinable): void {
    this.#byHandle.set(key.handle.toHex(), owner);
  }

  /** Removes a channel's handle. */
  remove(key: RejoinKey): void {
    this.#byHandle.delete(key.handle.toHex());
  }

  /**
   * Checks a REJOIN. Nothing changes if it is refused.
   *
   * @param cookie The cookie in the connection's greeting.
   * @returns null if it is refused: an unknown handle, a used attempt, a wrong code and another address look the same.
   */
  verify(request: Rejoin, connection: Connection, cookie: Uint8Array): Resume | null {
    return this.#byHandle.get(request.handle.toHex())?.verify(request, connection, cookie) ?? null;
  }
}

/** The server's side of joining an association's broken channels again (docs/PROTOCOL.md 9). */
export class Rejoinable implements Rejoining {
  readonly limits: KeepingLimits | null;
  readonly #association: Association;
  readonly #options: RejoinableOptions;
  /** Keys of each channel: the last one used, and the one after it. */
  readonly #issued: Issued[][];
  readonly #cancel = new Map<number, () => void>();
  readonly #began = new Map<number, number>();
  readonly #made: number;
  /** Since when too few channels are left, in milliseconds of the clock; null while there are enough. */
  #pausedAt: number | null = null;
  /** True once the client has proved that it joins channels again. */
  #joins = false;
  #offered = false;

  /** Takes care of an association, which carries nothing yet. */
  constructor(association: Association, options: RejoinableOptions) {
    this.#association = association;
    this.#options = options;
    this.limits = options.timeout() > 0 ? { bytes: MAX_KEPT, budget: options.budget } : null;
    this.#issued = association.addresses.map(() => []);
    const needsAll = association.threshold === association.addresses.length;
    if (this.limits !== null || !needsAll) association.rejoining = this;
    this.#made = options.clock.now();
    association.over.then(() => this.#close());
  }

  /** Hands out the means to join each channel again; only the first call counts. */
  begin(): void {
    if (this.#offered || this.#options.timeout() === 0 || this.#association.ended) return;
    this.#offered = true;
    for (const index of this.#issued.keys()) this.#issue(index);
  }

  allows(_index: number, cause: unknown): boolean {
    // An error may be faster than an OPEN on the other channels; an orderly end is behind all that its channel brought.
    const { timeout, agreed, inUse } = this.#options;
    return this.#offered && timeout() > 0 && (agreed() || this.#joins) && (cause !== null || inUse());
  }

  inUse(): boolean {
    return this.#options.inUse();
  }

  lied(index: number): void {
    for (const { key } of this.#issued[index]!.splice(0)) this.#options.registry.remove(key);
    this.#options.events.lied(index);
  }

  handled(): Promise<void> {
    return new Promise((resolve) => this.#options.clock.soon(resolve));
  }

  broken(index: number, cause: unknown): void {
    const { clock, events, timeout } = this.#options, association = this.#association;
    const began = clock.now();
    this.#began.set(index, began);
    events.broken(index, cause);
    if (association.isPaused) this.#pausedAt ??= clock.now();
    // A client that still has a channel is there.
    const areAllEnded = association.away.size === this.#issued.length && (cause === null || isDisconnect(cause));
    const ms = areAllEnded ? Math.min(timeout(), ALL_ENDED_TIMEOUT) : timeout();
    const giveUpAfter = (left: number) => {
      this.#cancel.set(
        index,
        clock.after(left, () => {
          const now = clock.now(), waited = now - Math.max(this.#pausedAt ?? now, began), left = ms - waited;
          // The association goes on without it, or has waited for less time.
          if (left > 0) giveUpAfter(left);
          else this.#fail(index, new NotRejoined(`not joined again within ${ms / 1000} s`, cause));
        }),
      );
    };
    giveUpAfter(ms);
  }

  /** Checks a REJOIN with one of its handles; see {@linkcode RejoinRegistry.verify}. */
  verify({ handle, attempt, received, code }: Rejoin, connection: Connection, cookie: Uint8Array): Resume | null {
    const index = this.#issued.findIndex((keys) => keys.some(({ key }) => sameBytes(key.handle, handle)));
    const keys = this.#issued[index] ?? [], issued = keys.find(({ key }) => sameBytes(key.handle, handle));
    if (issued === undefined || attempt <= issued.last || this.#options.timeout() === 0) return null;
    if (!this.#isAt(index, connection.local)) return null;
    if (!sameBytes(code, issued.key.ofClient(attempt, received, cookie))) return null;
    issued.last = attempt;
    this.#joins = true;
    // Attempts with earlier keys came first: one of them that arrives now is as outdated as a lower number.
    for (const earlier of keys.slice(0, keys.indexOf(issued))) earlier.last = REJOIN_ATTEMPTS;
    return () => this.#resume(index, { issued, attempt, received }, connection);
  }

  /** True if a connection arrived at a channel's own address; one that has not joined yet takes one that no other has. */
  #isAt(index: number, local: Address): boolean {
    const { addresses } = this.#association, own = addresses[index]!;
    return own.port > 0 ? sameAddress(local, own) : !addresses.some((other) => sameAddress(local, other));
  }

  async #resume(
    index: number,
    { issued, attempt, received }: { issued: Issued; attempt: number; received: number },
    connection: Connection,
  ): Promise<void> {
    const association = this.#association;
    let taken = false;
    try {
      // The old connection first: nothing may arrive on it once the count is stated.
      if (association.isLiar(index)) return;
      if (association.lost(index, new Replaced()) !== null) return association.abort();
      const count = await association.suspend(index);
      await writeAll(connection, encodeRejoined(count, issued.key.ofServer(attempt, count, received)));
      // A later attempt has taken its place, or the association has ended.
      if (issued.last !== attempt || association.ended) return;
      association.resume(index, connection, received);
      association.addresses[index] = connection.local;
      taken = true;
    } catch (error) {
      // Another attempt may follow a connection that fails; bytes that are not kept can't be had again.
      // With a threshold, that costs this channel alone: its owner can alter what it says of itself.
      if (error instanceof RangeError && association.isPaused) this.#fail(index, error);
      return;
    } finally {
      if (!taken) connection.reset();
    }
    this.#cancel.get(index)?.();
    this.#cancel.delete(index);
    if (!association.isPaused) this.#pausedAt = null;
    this.#options.events.rejoined(index, this.#options.clock.now() - (this.#began.get(index) ?? this.#made));
    this.#renew(index, issued);
  }

  /** Replaces a key that was used, unless another one is on its way already. */
  #renew(index: number, used: Issued): void {
    const keys = this.#issued[index]!;
    if (keys.at(-1) !== used) return;
    for (const { key } of keys.splice(0, keys.length - 1)) this.#options.registry.remove(key);
    this.#issue(index);
  }

  #issue(index: number): void {
    const handle = crypto.getRandomValues(new Uint8Array(HANDLE_LENGTH));
    const secrets = crypto.getRandomValues(new Uint8Array(REJOIN_SECRETS_LENGTH));
    const key = new RejoinKey({ index, handle, secrets });
    this.#issued[index]!.push({ key, last: -1 });
    this.#options.registry.add(key, this);
    this.#options.offer({ index, handle, secrets });
  }

  #fail(index: number, error: Error): void {
    if (this.#association.ended) return;
    this.#association.channelFailed(index, error);
    this.#association.abort();
  }

  #close(): void {
    for (const cancel of this.#cancel.values()) cancel();
    for (const { key } of this.#issued.flat()) this.#options.registry.remove(key);
  }
}
